# Rooms: the libraries that the project consists of, and what each of them may include.
#
# A room owns folders. A source file may include a header of the project only if its own room or a
# room that it uses, directly or through others, owns the header. cmake/check_includes.cmake checks
# this before anything is compiled; a wrong include stops the build.

# Sources are found by their names, so that a new file needs no entry in a list: in each folder of a room,
# NAME_test.cpp is a test, NAME_benchmark.cpp a benchmark, and every other .cpp is part of the library.

# quintain_room(NAME [WHOLE] [COLD] [SEPARATE] [FOLDERS folder...] [EXCEPT file...] [SOURCES file...] USES target...)
#   WHOLE    programs get every object file of the library. Without it the linker leaves out object
#            files that nothing refers to, and with them objects that register themselves.
#   COLD     no run spends its time in this code: in Release it is optimised less, which compiles faster.
#   SEPARATE compiles each file by itself, even in a unity build.
#   FOLDERS  relative to the room's CMakeLists.txt, without the folders in them; the default is that
#            folder itself. The most deeply nested folder that contains a header decides who owns it.
#   EXCEPT   files in these folders that are no part of the library
#   SOURCES  further files, such as generated ones
#   USES     libraries. Their headers, and those of the rooms that they use, may be included.
function(quintain_room name)
  cmake_parse_arguments(ROOM "WHOLE;COLD;SEPARATE" "" "FOLDERS;EXCEPT;SOURCES;USES" ${ARGN})
  if(NOT ROOM_FOLDERS)
    set(ROOM_FOLDERS .)
  endif()
  quintain_find_sources(found "[^/]*" "${ROOM_FOLDERS}" "${ROOM_EXCEPT}")
  list(FILTER found EXCLUDE REGEX "_(test|benchmark)\\.cpp$")
  set(library quintain_${name})
  if(ROOM_WHOLE)
    set(library quintain_${name}_objects)
    add_library(quintain_${name} INTERFACE)
    target_link_libraries(quintain_${name} INTERFACE $<LINK_LIBRARY:WHOLE_ARCHIVE,$<TARGET_NAME:${library}>>)
    set_property(GLOBAL APPEND PROPERTY QUINTAIN_CHECKED_TARGETS ${library})
  endif()
  add_library(${library} STATIC ${found} ${ROOM_SOURCES})
  target_include_directories(${library} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${library} PUBLIC ${ROOM_USES})
  quintain_warnings(${library})
  set_target_properties(${library} PROPERTIES UNITY_BUILD ${QUINTAIN_UNITY} UNITY_BUILD_BATCH_SIZE 24)
  if(ROOM_SEPARATE)
    set_target_properties(${library} PROPERTIES UNITY_BUILD OFF)
  endif()
  if(ROOM_COLD)
    target_compile_options(${library} PRIVATE ${QUINTAIN_COLD_OPTIONS})
  endif()
  set_property(GLOBAL APPEND PROPERTY QUINTAIN_LIBRARIES quintain_${name} ${library})
  foreach(folder IN LISTS ROOM_FOLDERS)
    cmake_path(ABSOLUTE_PATH folder NORMALIZE)
    string(REGEX REPLACE "/$" "" folder ${folder})
    cmake_path(RELATIVE_PATH folder BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_property(GLOBAL APPEND_STRING PROPERTY QUINTAIN_INCLUDE_RULES
                 "set(owner_of_${folder} quintain_${name})\n")
  endforeach()
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.h)
  quintain_check_includes(quintain_${name} "${found};${headers}" "${ROOM_USES}")
endfunction()

# One test program a room, made of the tests that are beside its code. FOLDERS, EXCEPT, SOURCES and USES are
# those of quintain_room().
function(quintain_tests name)
  cmake_parse_arguments(TESTS "" "" "FOLDERS;EXCEPT;SOURCES;USES" ${ARGN})
  set(found "")
  if(TESTS_FOLDERS OR NOT TESTS_SOURCES)
    quintain_find_sources(found "[^/]*_test\\.cpp" "${TESTS_FOLDERS}" "${TESTS_EXCEPT}")
  endif()
  list(APPEND found ${TESTS_SOURCES})
  add_executable(${name}_tests ${found})
  quintain_check_includes(${name}_tests "${found}" "${TESTS_USES}")
  target_link_libraries(${name}_tests PRIVATE ${TESTS_USES} GTest::gmock_main rapidcheck)
  target_compile_definitions(${name}_tests PRIVATE QUINTAIN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_compile_options(${name}_tests PRIVATE ${QUINTAIN_COLD_OPTIONS})
  quintain_warnings(${name}_tests)
  gtest_discover_tests(${name}_tests TEST_PREFIX ${name}. PROPERTIES TIMEOUT 600
                       # Properties are tried on the same random cases in every run.
                       ENVIRONMENT "RC_PARAMS=seed=20")
endfunction()

# One benchmark program a room; built with everything else, run by hand or by `./dev bench`, which
# takes them all from the target `benchmarks`. FOLDERS, SOURCES and USES are those of quintain_room().
add_custom_target(benchmarks)
function(quintain_benchmarks name)
  cmake_parse_arguments(BENCH "" "" "FOLDERS;SOURCES;USES" ${ARGN})
  if(QUINTAIN_SANITIZE)
    return()  # times under a sanitizer say nothing about the program
  endif()
  quintain_find_sources(found "[^/]*_benchmark\\.cpp" "${BENCH_FOLDERS}" "")
  list(APPEND found ${BENCH_SOURCES})
  add_executable(${name}_benchmarks ${found})
  quintain_check_includes(${name}_benchmarks "${found}" "${BENCH_USES}")
  target_link_libraries(${name}_benchmarks PRIVATE ${BENCH_USES} benchmark::benchmark_main)
  target_compile_definitions(${name}_benchmarks PRIVATE QUINTAIN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  quintain_warnings(${name}_benchmarks)
  add_dependencies(benchmarks ${name}_benchmarks)
endfunction()

# The .cpp files whose names match, in `folders` (the current one, if there are none), sorted, relative to
# the current folder.
function(quintain_find_sources result pattern folders except)
  if(NOT folders)
    set(folders .)
  endif()
  set(all "")
  foreach(folder IN LISTS folders)
    file(GLOB found CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${folder}/*.cpp)
    list(APPEND all ${found})
  endforeach()
  list(FILTER all INCLUDE REGEX "(^|/)${pattern}$")
  if(except)
    list(REMOVE_ITEM all ${except})
  endif()
  set(${result} ${all} PARENT_SCOPE)
endfunction()

# Registers the sources of a target, given relative to the current folder, for the check.
function(quintain_check_includes target sources uses)
  list(FILTER sources EXCLUDE REGEX "^/")
  list(FILTER uses INCLUDE REGEX "^quintain_")
  set(files "")
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    list(APPEND files ${source})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY QUINTAIN_INCLUDE_FILES ${files})
  set_property(GLOBAL APPEND PROPERTY QUINTAIN_CHECKED_TARGETS ${target})
  set_property(GLOBAL APPEND_STRING PROPERTY QUINTAIN_INCLUDE_RULES
               "set(uses_of_${target} \"${uses}\")\nset(sources_of_${target} \"${files}\")\nlist(APPEND targets ${target})\n")
endfunction()

# Writes the registered rules, and makes every registered target wait for the check.
function(quintain_write_include_rules)
  get_property(rules GLOBAL PROPERTY QUINTAIN_INCLUDE_RULES)
  get_property(files GLOBAL PROPERTY QUINTAIN_INCLUDE_FILES)
  get_property(targets GLOBAL PROPERTY QUINTAIN_CHECKED_TARGETS)
  list(REMOVE_DUPLICATES files)
  set(rules_file ${PROJECT_BINARY_DIR}/include_rules.cmake)
  file(CONFIGURE OUTPUT ${rules_file} CONTENT "${rules}" @ONLY)
  set(stamp ${PROJECT_BINARY_DIR}/include_rules.checked)
  add_custom_command(
    OUTPUT ${stamp}
    COMMAND ${CMAKE_COMMAND} -D RULES=${rules_file} -D ROOT=${PROJECT_SOURCE_DIR} -D STAMP=${stamp}
            -P ${PROJECT_SOURCE_DIR}/cmake/check_includes.cmake
    DEPENDS ${files} ${rules_file} ${PROJECT_SOURCE_DIR}/cmake/check_includes.cmake
    COMMENT "Checking that no room includes what it does not use"
    VERBATIM)
  add_custom_target(include_rules DEPENDS ${stamp})
  foreach(target IN LISTS targets)
    add_dependencies(${target} include_rules)
  endforeach()
endfunction()
