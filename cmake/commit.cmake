# cmake -DSOURCE=FOLDER -DOUTPUT=FILE -P commit.cmake: writes the header FILE, which defines QUINTAIN_COMMIT, unless it
# is there and right. The commit is "unknown" if FOLDER is not the root of a Git repository, such as an unpacked
# release in another project's repository.
cmake_minimum_required(VERSION 3.25)
set(commit unknown)
# Git shall not take the lock with which a user's own command would collide.
set(git ${CMAKE_COMMAND} -E env GIT_OPTIONAL_LOCKS=0 git -C ${SOURCE})
execute_process(COMMAND ${git} rev-parse --show-cdup OUTPUT_VARIABLE up RESULT_VARIABLE failed
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT failed AND up STREQUAL "")
  execute_process(COMMAND ${git} describe --always --dirty --abbrev=12 OUTPUT_VARIABLE found RESULT_VARIABLE failed
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed)
    set(commit ${found})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define QUINTAIN_COMMIT \"@commit@\"\n" @ONLY)
