# Included by ctest whenever it starts: lists the cases of scenarios and adds a test for each.
# quintain_add_scenarios() in QuintainTests.cmake writes the call.
cmake_minimum_required(VERSION 3.20)

function(_quintain_add_cases name program dir)
  cmake_parse_arguments(PARSE_ARGV 3 ARG "" "" "ARGUMENTS;PROPERTIES")
  execute_process(COMMAND "${program}" run "${dir}" --list ${ARG_ARGUMENTS}
                  RESULT_VARIABLE code OUTPUT_VARIABLE cases ERROR_QUIET)
  if(NOT code EQUAL 0)
    add_test("${name}.list" "${program}" run "${dir}" --list ${ARG_ARGUMENTS})
    return()
  endif()
  # A line is "CASE: what it is about". No list of lines, since they may contain semicolons and brackets.
  while(NOT cases STREQUAL "")
    string(FIND "${cases}" "\n" end)
    string(SUBSTRING "${cases}" 0 ${end} line)
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${cases}" ${end} -1 cases)
    # A label of a matrix, which is in brackets, may contain a colon.
    string(FIND "${line}" ": " end)
    string(FIND "${line}" "[" bracket)
    if(bracket GREATER -1 AND bracket LESS end)
      string(FIND "${line}" "]: " end)
      math(EXPR end "${end} + 1")
    endif()
    string(SUBSTRING "${line}" 0 ${end} case)
    add_test("${name}.${case}" "${program}" run "${dir}" --only "${case}" ${ARG_ARGUMENTS})
    set_tests_properties("${name}.${case}" PROPERTIES SKIP_REGULAR_EXPRESSION "(^|\n)SKIP " ${ARG_PROPERTIES})
  endwhile()
endfunction()
