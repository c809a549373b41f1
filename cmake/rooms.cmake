# Rooms: the libraries that the project consists of, and what each of them may include.
#
# A room owns folders. A source file may include a header of the project only if its own room or a
# room that it uses, directly or through others, owns the header. cmake/check_includes.cmake checks
# this before anything is compiled; a wrong include stops the build.

# quintain_room(NAME [FOLDERS folder...] SOURCES file... USES target...)
#   FOLDERS  relative to the room's CMakeLists.txt; the default is that folder itself. The most deeply
#            nested folder that contains a header decides who owns it.
#   USES     libraries. Their headers, and those of the rooms that they use, may be included.
function(quintain_room name)
  cmake_parse_arguments(ROOM "" "" "FOLDERS;SOURCES;USES" ${ARGN})
  add_library(quintain_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(quintain_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(quintain_${name} PUBLIC ${ROOM_USES})
  quintain_warnings(quintain_${name})
  if(NOT ROOM_FOLDERS)
    set(ROOM_FOLDERS .)
  endif()
  foreach(folder IN LISTS ROOM_FOLDERS)
    cmake_path(ABSOLUTE_PATH folder NORMALIZE)
    string(REGEX REPLACE "/$" "" folder ${folder})
    cmake_path(RELATIVE_PATH folder BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_property(GLOBAL APPEND_STRING PROPERTY QUINTAIN_INCLUDE_RULES
                 "set(owner_of_${folder} quintain_${name})\nlist(APPEND folders ${folder})\n")
  endforeach()
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.h)
  quintain_check_includes(quintain_${name} "${ROOM_SOURCES};${headers}" "${ROOM_USES}")
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
