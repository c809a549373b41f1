# Makes one script of Vega's modules: cmake -D VEGA=FOLDER -D OUTPUT=FILE -P bundle.cmake
#
# Debian builds each module for itself, as CommonJS, with the parts of d3 that it needs inside. Here each
# becomes a function that gets `module`, `exports` and a `require` that knows the ones before it. Left out
# are the modules for what no picture of ours has: maps, trees, clouds, force layouts and the like.
set(modules
  util time format loader statistics event-selector expression selection canvas scale scenegraph dataflow
  transforms view-transforms encode runtime functions parser view interpreter)

string(CONCAT script
           "(function () {\n'use strict';\nvar modules = {};\n"
           "function require(name) { return modules[name]; }\n")

foreach(module IN LISTS modules)
  file(READ ${VEGA}/vega-${module}.min.js text)
  # A browser's inspector would look for the map beside the page.
  string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" text "${text}")
  # The one module whose file is not named as it is required.
  string(REPLACE "vega-selection" "vega-selections" name "vega-${module}")
  string(APPEND script
         "modules['${name}'] = (function (module, exports) {\n${text}\nreturn module.exports; })"
         ".apply(globalThis, (function (m) { return [m, m.exports]; })({exports: {}}));\n")
endforeach()
string(APPEND script "globalThis.vegaModules = modules;\n})();\n")
file(WRITE ${OUTPUT} "${script}")
