# Tests: one program for each source file, one CTest entry for each test in it.

# Sanitizers slow a program down many times over.
set(SIGCHLD_TEST_SLOWNESS 1)
if(SIGCHLD_SANITIZE)
  set(SIGCHLD_TEST_SLOWNESS 4)
endif()

# What every entry has. TIMEOUT is in seconds and is for one test, of which the
# entry has COUNT; the harness ends a test a little earlier than CTest would, and
# can say which it was. WAKE is what the environment tells the harness.
function(sigchld_test_properties name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT;COUNT;WAKE" "LABELS")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS quick)
  endif()
  math(EXPR harness_timeout "${arg_TIMEOUT} * ${SIGCHLD_TEST_SLOWNESS}")
  if(NOT arg_COUNT)
    set(arg_COUNT 1)
  endif()
  math(EXPR timeout "${harness_timeout} * ${arg_COUNT} + 10")
  set(environment "HARNESS_TIMEOUT_S=${harness_timeout}")
  if(arg_WAKE)
    list(APPEND environment "HARNESS_WAKE=${arg_WAKE}")
  endif()
  set_tests_properties("${name}" PROPERTIES
    LABELS "${arg_LABELS}"
    TIMEOUT ${timeout}
    ENVIRONMENT "${environment}"
    SKIP_RETURN_CODE 77)
  if(stress IN_LIST arg_LABELS)
    set_tests_properties("${name}" PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

# The program alone: linked statically, so that WRAP can put a test's own
# __wrap_sigchld__sys_NAME in place of a system call, and the harness choose the
# wake of each context (tests/support/wake.c).
function(sigchld_test_program target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "WRAP")
  add_executable(${target} ${arg_UNPARSED_ARGUMENTS})
  sigchld_flags(${target})
  target_compile_options(${target} PRIVATE -UNDEBUG)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE
    $<$<BOOL:${SIGCHLD_PORTABLE}>:SIGCHLD_PORTABLE>)
  target_include_directories(${target} PRIVATE
    "${PROJECT_SOURCE_DIR}/libsigchld" "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${target} PRIVATE sigchld_harness sigchld_static)
  list(TRANSFORM arg_WRAP
    REPLACE "^(.+)$" "LINKER:--wrap=sigchld__sys_\\1")
  target_link_options(${target} PRIVATE ${arg_WRAP}
    LINKER:--wrap=sigchld_new LINKER:--wrap=sigchld_configure
    LINKER:--undefined=__wrap_sigchld_new) # the library calls it, too
endfunction()

# Each HARNESS_TEST(x), or HARNESS_SIGNAL_TEST(x) and so on, in these sources. A
# long name may stand on a line of its own. HARNESS_PIDFD_TEST(x) is of a build
# that has pidfds.
function(sigchld_test_names ret_names)
  set(names "")
  set(entry "HARNESS_([A-Z]+_)?TEST\\([ \t\n]*([A-Za-z0-9_]+)\\)")
  foreach(source IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
    file(READ "${source}" text)
    string(REGEX MATCHALL "${entry}" tests "${text}")
    if(SIGCHLD_PORTABLE)
      list(FILTER tests EXCLUDE REGEX "^HARNESS_PIDFD_")
    endif()
    list(TRANSFORM tests REPLACE "${entry}" "\\2")
    list(APPEND names ${tests})
  endforeach()
  set(${ret_names} "${names}" PARENT_SCOPE)
endfunction()

# The same program once more under each wake, as NAME@signal and NAME@pidfd: all
# its tests in one entry, which is cheaper and names them all the same. They
# have the label `wake' instead of `quick'. The portable build has but one wake;
# under a sanitizer, which takes its time, pidfds are left to the entries
# without a wake, whose contexts choose them anyway.
function(sigchld_test_wakes name target)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT;COUNT" "LABELS")
  if(SIGCHLD_PORTABLE)
    return()
  endif()
  list(REMOVE_ITEM arg_LABELS quick)
  set(wakes signal pidfd)
  if(SIGCHLD_SANITIZE)
    set(wakes signal)
  endif()
  foreach(wake IN LISTS wakes)
    add_test(NAME "${name}@${wake}" COMMAND ${target})
    sigchld_test_properties("${name}@${wake}" LABELS wake ${arg_LABELS}
      TIMEOUT ${arg_TIMEOUT} COUNT ${arg_COUNT} WAKE ${wake})
  endforeach()
endfunction()

# sigchld_test(NAME source... [WRAP call...] [LABELS label...] [TIMEOUT s]
#     [WAKES] [WAKE wake])
#
# Each HARNESS_TEST(x) in the sources becomes an entry NAME/x. WAKES: the program
# is run under each wake, too, unless WAKE says which one it is about.
function(sigchld_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "WAKES" "TIMEOUT;WAKE" "WRAP;LABELS")
  sigchld_test_names(tests ${arg_UNPARSED_ARGUMENTS})
  if(NOT tests)
    set(severity WARNING)
    if(SIGCHLD_WERROR)
      set(severity FATAL_ERROR)
    endif()
    message(${severity} "${name}: no HARNESS_TEST(...) in it, left out")
    return()
  endif()

  string(MAKE_C_IDENTIFIER "test_${name}" target)
  sigchld_test_program(${target} ${arg_UNPARSED_ARGUMENTS} WRAP ${arg_WRAP})
  foreach(test IN LISTS tests)
    add_test(NAME "${name}/${test}" COMMAND ${target} ${test})
    sigchld_test_properties("${name}/${test}"
      LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT} WAKE ${arg_WAKE})
  endforeach()
  if(arg_WAKES AND NOT arg_WAKE)
    list(LENGTH tests count)
    sigchld_test_wakes("${name}" ${target}
      LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT} COUNT ${count})
  endif()
endfunction()

# The words of a line such as
#	/* wrap: write read waitid */
# in a source file; such lines may also stand inside a longer comment.
function(sigchld_test_words source key ret_words)
  file(STRINGS "${source}" lines REGEX "^(/\\*| \\*) ${key}: [a-z0-9_ ]+")
  list(TRANSFORM lines REPLACE "^.*${key}: ([a-z0-9_ ]+).*$" "\\1")
  list(JOIN lines " " words)
  separate_arguments(words)
  set(${ret_words} "${words}" PARENT_SCOPE)
endfunction()

# Every test_*.c of a folder. Lines `wrap:', `labels:', `timeout:' and `wake:' in
# a source say what the function above takes as arguments.
function(sigchld_test_folder path)
  cmake_parse_arguments(PARSE_ARGV 1 arg "WAKES" "" "")
  set(wakes "")
  if(arg_WAKES)
    set(wakes WAKES)
  endif()
  get_filename_component(folder "${path}" NAME)
  file(GLOB sources CONFIGURE_DEPENDS "${path}/test_*.c")
  foreach(source IN LISTS sources)
    get_filename_component(name "${source}" NAME_WE)
    string(REGEX REPLACE "^test_" "" name "${name}")
    foreach(key wrap labels timeout wake)
      sigchld_test_words("${source}" ${key} ${key})
    endforeach()
    sigchld_test("${folder}/${name}" "${source}"
      ${wakes} WRAP ${wrap} LABELS ${labels} TIMEOUT ${timeout}
      WAKE ${wake})
  endforeach()
endfunction()
