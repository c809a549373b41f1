# Makes one script of Vega's modules: cmake -D VEGA=FOLDER -D OUTPUT=FILE -P bundle.cmake
#
# Debian builds each module separately, as CommonJS, including the parts of d3 that it needs. Here each
# becomes a function with the parameters `module`, `exports` and a `require` that returns the ones before it.
# Modules that the page does not use (maps, trees, clouds, force layouts and others) are left out.
set(modules
  util time format loader statistics event-selector expression selection canvas scale scenegraph dataflow
  transforms view-transforms encode runtime functions parser view interpreter)

string(CONCAT script
           "(function () {\n'use strict';\nvar modules = {};\n"
           "function require(name) { return modules[name]; }\n")

foreach(module IN LISTS modules)
  file(READ ${VEGA}/vega-${module}.min.js text)
  # A browser's developer tools would look for the map beside the page.
  string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" text "${text}")
  # The only module that is required by another name than its file's.
  string(REPLACE "vega-selection" "vega-selections" name "vega-${module}")
  string(APPEND script
         "modules['${name}'] = (function (module, exports) {\n${text}\nreturn module.exports; })"
         ".apply(globalThis, (function (m) { return [m, m.exports]; })({exports: {}}));\n")
endforeach()
string(APPEND script "globalThis.vegaModules = modules;\n})();\n")
file(WRITE ${OUTPUT} "${script}")
