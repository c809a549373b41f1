# Debian packages, made by `cpack` in the build folder: quintain, the program, and quintain-dev, the
# libraries. The dependencies of the program are those of its shared libraries.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "the maintainers of Quintain <maintainers@quintain.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)
# Lines of at most 79 characters.
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
    "The program runs scenarios of calls on an execution core in virtual time,\n\
judges any implementation of the contract over gRPC and HTTP, and studies how\n\
good estimated completion times are.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "The static libraries and the headers, for programs that put a scheduling\n\
strategy, an estimator or a service of their own behind the interfaces of the\n\
core.")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME quintain)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME quintain-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(development_packages
  "quintain (= ${PROJECT_VERSION})" libprotobuf-dev protobuf-compiler libabsl-dev libfmt-dev libboost-dev
  nlohmann-json3-dev libcli11-dev libgrpc++-dev protobuf-compiler-grpc libspdlog-dev libcpp-httplib-dev
  libcurl4-openssl-dev libsqlite3-dev prometheus-cpp-dev pkg-config libssl-dev libcsv-dev zlib1g-dev)
list(JOIN development_packages ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)

include(CPack)

# The program and quintain.report as a Python wheel (docs/python.md).
add_custom_target(wheel COMMAND ${PROJECT_SOURCE_DIR}/reports/python/make_wheel ${PROJECT_BINARY_DIR}
                  DEPENDS quintain shell_files VERBATIM)
