# CMake functions that add tests which run Quintain. docs/cmake.md describes them.

set(_QUINTAIN_ADD_TESTS "${CMAKE_CURRENT_LIST_DIR}/QuintainAddTests.cmake")

# quintain_add_scenarios(NAME DIR folder [PROGRAM target] [ARGUMENTS argument...]
#                        [PROPERTIES property value...])
#
# Adds a test NAME.CASE for each case of the scenarios in the folder. The cases are listed whenever ctest
# starts, so that a new file needs no new configuration. If they cannot be listed, there is one test,
# NAME.list, which fails and shows why.
#   DIR         a folder or a scenario file, relative to the current source folder
#   PROGRAM     an executable target that links Quintain::cli, or the path of a program; default: `quintain`
#   ARGUMENTS   further arguments of `quintain run`
#   PROPERTIES  properties of each test
function(quintain_add_scenarios name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "DIR;PROGRAM" "ARGUMENTS;PROPERTIES")
  _quintain_check_arguments(quintain_add_scenarios)
  if(NOT ARG_DIR)
    message(FATAL_ERROR "quintain_add_scenarios(${name}): expected DIR and the folder of the scenarios")
  endif()
  cmake_path(ABSOLUTE_PATH ARG_DIR NORMALIZE)
  if(NOT EXISTS "${ARG_DIR}")
    message(FATAL_ERROR "quintain_add_scenarios(${name}): DIR ${ARG_DIR} does not exist")
  endif()
  _quintain_program(program "${ARG_PROGRAM}")
  set(script "include([==[${_QUINTAIN_ADD_TESTS}]==])\n")
  string(APPEND script "_quintain_add_cases([==[${name}]==] [==[${program}]==] [==[${ARG_DIR}]==]\n")
  foreach(list ARGUMENTS PROPERTIES)
    string(APPEND script "  ${list}")
    foreach(word IN LISTS ARG_${list})
      string(APPEND script " [==[${word}]==]")
    endforeach()
    string(APPEND script "\n")
  endforeach()
  string(APPEND script ")\n")
  string(MAKE_C_IDENTIFIER "${name}" file)
  set(file "${CMAKE_CURRENT_BINARY_DIR}/quintain_${file}")
  get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(multi_config)
    file(GENERATE OUTPUT "${file}-$<CONFIG>.cmake" CONTENT "${script}")
    file(WRITE "${file}.cmake" "include(\"${file}-\${CTEST_CONFIGURATION_TYPE}.cmake\")\n")
  else()
    file(GENERATE OUTPUT "${file}.cmake" CONTENT "${script}")
  endif()
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${file}.cmake")
endfunction()

# quintain_add_conformance(NAME [SPAWN command...] [MANIFEST file] [PROGRAM target]
#                          [ARGUMENTS argument...] [PROPERTIES property value...])
#
# Adds a test NAME that judges a server by the clauses of the contract.
#   SPAWN       starts the server: a program and its arguments, or one text for the shell. A word that is the
#               name of an executable target becomes its path. Without SPAWN the core of PROGRAM is judged in
#               virtual time.
#   MANIFEST    what the server offers (docs/conformance.md), relative to the current source folder
#   PROGRAM, ARGUMENTS (of `quintain conform`), PROPERTIES
#               as for quintain_add_scenarios()
function(quintain_add_conformance name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "PROGRAM;MANIFEST" "SPAWN;ARGUMENTS;PROPERTIES")
  _quintain_check_arguments(quintain_add_conformance)
  _quintain_program(program "${ARG_PROGRAM}")
  set(arguments --transport sim)
  if(ARG_SPAWN)
    list(LENGTH ARG_SPAWN count)
    set(command "")
    foreach(word IN LISTS ARG_SPAWN)
      if(TARGET "${word}")
        set(word "$<TARGET_FILE:${word}>")
      elseif(count EQUAL 1)
        set(command " ${word}")
        break()
      endif()
      string(REPLACE "'" "'\\''" word "${word}")
      string(APPEND command " '${word}'")
    endforeach()
    string(SUBSTRING "${command}" 1 -1 command)
    set(arguments --spawn "${command}")
  endif()
  if(ARG_MANIFEST)
    cmake_path(ABSOLUTE_PATH ARG_MANIFEST NORMALIZE)
    list(APPEND arguments --manifest "${ARG_MANIFEST}")
  endif()
  add_test(NAME "${name}" COMMAND "${program}" conform ${arguments} ${ARG_ARGUMENTS})
  set_tests_properties("${name}" PROPERTIES TIMEOUT 1800 ${ARG_PROPERTIES})
endfunction()

macro(_quintain_check_arguments function)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${function}(${name}): unexpected argument ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(ARG_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "${function}(${name}): expected a value after ${ARG_KEYWORDS_MISSING_VALUES}")
  endif()
endmacro()

# The path of the program to run.
function(_quintain_program result program)
  if(NOT program)
    set(program Quintain::quintain)
  endif()
  if(TARGET "${program}")
    set(program "$<TARGET_FILE:${program}>")
  endif()
  set(${result} "${program}" PARENT_SCOPE)
endfunction()
