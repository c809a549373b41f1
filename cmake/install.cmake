# What `cmake --install` installs, in two components:
#
#   program      the program, the shipped scenarios, the schemas, the contract, and the CMake functions
#                that add tests. It needs no compiler.
#   development  the libraries and their headers, for programs that put their own parts behind the
#                core's interfaces (docs/cmake.md)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(QUINTAIN_INSTALL_CMAKE ${CMAKE_INSTALL_LIBDIR}/cmake/Quintain)
set(QUINTAIN_INSTALL_INCLUDE ${CMAKE_INSTALL_INCLUDEDIR}/quintain)
set(QUINTAIN_INSTALL_DATA ${CMAKE_INSTALL_DATADIR}/quintain)

# ---- The program ---------------------------------------------------------------------------------

install(TARGETS quintain EXPORT QuintainProgram COMPONENT program)
install(EXPORT QuintainProgram NAMESPACE Quintain:: DESTINATION ${QUINTAIN_INSTALL_CMAKE} COMPONENT program)
install(DIRECTORY scenarios/cases/ DESTINATION ${QUINTAIN_INSTALL_DATA}/scenarios COMPONENT program)
install(DIRECTORY conformance/manifests DESTINATION ${QUINTAIN_INSTALL_DATA} COMPONENT program)
file(GLOB schemas CONFIGURE_DEPENDS scenarios/*.schema.json conformance/*.schema.json cli/*.schema.json
     reports/*.schema.json study/*.schema.json study/*/*.schema.json)
install(FILES ${schemas} DESTINATION ${QUINTAIN_INSTALL_DATA}/schemas COMPONENT program)
install(FILES proto/spearlet/function.proto DESTINATION ${QUINTAIN_INSTALL_DATA}/proto/spearlet COMPONENT program)

# The program prints its own man page and completions.
set(shell_files ${PROJECT_BINARY_DIR}/shell_files)
set(generated "")
foreach(name man bash zsh fish)
  add_custom_command(OUTPUT ${shell_files}/${name}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${shell_files}
    COMMAND quintain shell-file ${name} > ${shell_files}/${name}
    DEPENDS quintain VERBATIM)
  list(APPEND generated ${shell_files}/${name})
endforeach()

# What Debian demands of every package: a compressed man page, a changelog and who has which rights.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/debian/changelog)
file(STRINGS cmake/debian/changelog newest LIMIT_COUNT 1)
if(NOT newest MATCHES "^quintain \\(${PROJECT_VERSION}\\) ")
  message(FATAL_ERROR "cmake/debian/changelog: its first entry is not of version ${PROJECT_VERSION}: ${newest}")
endif()
quintain_concatenate(${shell_files}/copyright ${PROJECT_SOURCE_DIR}/cmake/debian/copyright
                     ${PROJECT_SOURCE_DIR}/reports/page/licences.txt ${VEGA_COPYRIGHT})
foreach(file ${shell_files}/man ${PROJECT_SOURCE_DIR}/cmake/debian/changelog)
  cmake_path(GET file FILENAME name)
  add_custom_command(OUTPUT ${shell_files}/${name}.gz
    COMMAND gzip --best --no-name --stdout ${file} > ${shell_files}/${name}.gz DEPENDS ${file} VERBATIM)
  list(APPEND generated ${shell_files}/${name}.gz)
endforeach()
list(APPEND generated ${shell_files}/copyright)
# Other systems do not have the text of the licence.
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
foreach(package program:quintain development:quintain-dev)
  string(REPLACE ":" ";" package ${package})
  list(GET package 0 component)
  list(GET package 1 name)
  install(FILES ${shell_files}/copyright ${shell_files}/changelog.gz
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component})
endforeach()

add_custom_target(shell_files ALL DEPENDS ${generated})
install(FILES ${shell_files}/man.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 RENAME quintain.1.gz
        COMPONENT program)
install(FILES ${shell_files}/bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME quintain COMPONENT program)
install(FILES ${shell_files}/zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
        RENAME _quintain COMPONENT program)
install(FILES ${shell_files}/fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
        RENAME quintain.fish COMPONENT program)

# ---- The libraries -------------------------------------------------------------------------------

get_property(libraries GLOBAL PROPERTY QUINTAIN_LIBRARIES)
list(REMOVE_DUPLICATES libraries)
list(APPEND libraries quintain_proto quintain_store_records quintain_grpc quintain_profiles
     quintain_grpc_services quintain_standard_services)
foreach(library IN LISTS libraries)
  string(REGEX REPLACE "^quintain_" "" name ${library})
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${name})
endforeach()
install(TARGETS ${libraries} EXPORT QuintainLibraries COMPONENT development
        INCLUDES DESTINATION ${QUINTAIN_INSTALL_INCLUDE})
install(EXPORT QuintainLibraries NAMESPACE Quintain:: DESTINATION ${QUINTAIN_INSTALL_CMAKE}
        COMPONENT development)

# Every library uses one of these two. Code that is compiled against them has to do the same arithmetic
# (see the top CMakeLists.txt) and, if they were built with a sanitizer, to be built with it.
foreach(library quintain_base quintain_proto)
  target_compile_features(${library} INTERFACE $<INSTALL_INTERFACE:cxx_std_20>)
  target_compile_options(${library} INTERFACE $<INSTALL_INTERFACE:-ffp-contract=off>)
  if(QUINTAIN_SANITIZE)
    target_compile_options(${library} INTERFACE $<INSTALL_INTERFACE:-fsanitize=${QUINTAIN_SANITIZE}>)
    target_link_options(${library} INTERFACE $<INSTALL_INTERFACE:-fsanitize=${QUINTAIN_SANITIZE}>)
  endif()
endforeach()

set(folders core sim reports scenarios server study conformance cli)
list(TRANSFORM folders APPEND /*.h)
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${folders})
list(FILTER headers EXCLUDE REGEX "/(testing|fuzz|benchmark|node_modules)/")
foreach(header IN LISTS headers)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${QUINTAIN_INSTALL_INCLUDE}/${folder} COMPONENT development)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/proto/spearlet/function.pb.h
              ${PROJECT_BINARY_DIR}/proto/spearlet/function.grpc.pb.h
        DESTINATION ${QUINTAIN_INSTALL_INCLUDE}/spearlet COMPONENT development)

# ---- The package ---------------------------------------------------------------------------------

configure_package_config_file(cmake/QuintainConfig.cmake.in QuintainConfig.cmake
  INSTALL_DESTINATION ${QUINTAIN_INSTALL_CMAKE} PATH_VARS QUINTAIN_INSTALL_DATA)
write_basic_package_version_file(QuintainConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/QuintainConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/QuintainConfigVersion.cmake
              cmake/QuintainTests.cmake cmake/QuintainAddTests.cmake
        DESTINATION ${QUINTAIN_INSTALL_CMAKE} COMPONENT program)
