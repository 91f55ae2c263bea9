# The version stands in include/sigchld/version.h and nowhere else.

set(SIGCHLD_VERSION_HEADER
  "${CMAKE_CURRENT_LIST_DIR}/../include/sigchld/version.h")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${SIGCHLD_VERSION_HEADER}")

function(sigchld_read_version ret_version)
  file(STRINGS "${SIGCHLD_VERSION_HEADER}" lines
    REGEX "^#define SIGCHLD_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
  list(TRANSFORM lines REPLACE "^.* " "")
  list(LENGTH lines n)
  if(NOT n EQUAL 3)
    message(FATAL_ERROR "${SIGCHLD_VERSION_HEADER}: no version in it")
  endif()
  list(JOIN lines "." version)
  set(${ret_version} "${version}" PARENT_SCOPE)
endfunction()

# The map has a node for each minor release, the newest last. A release whose
# symbols carry the name of the one before could never be told from it, so the
# build stops when the two disagree.
function(sigchld_check_map map)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${map}")
  set(want "SIGCHLD_${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
  file(STRINGS "${map}" nodes REGEX "^SIGCHLD_[0-9.]+ {$")
  list(TRANSFORM nodes REPLACE " {$" "")
  list(POP_BACK nodes newest)
  if(NOT newest STREQUAL want)
    message(FATAL_ERROR
      "${map}: the newest node is '${newest}', the project is ${want}")
  endif()
endfunction()
