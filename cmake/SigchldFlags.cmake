# What every object of this project is compiled and linked with.

# -fsanitize also for whoever links a sanitized library by hand.
set(SIGCHLD_SANITIZE_FLAGS "")
if(SIGCHLD_SANITIZE)
  set(SIGCHLD_SANITIZE_FLAGS "-fsanitize=${SIGCHLD_SANITIZE}"
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
endif()

function(sigchld_flags target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    $<$<BOOL:${SIGCHLD_WERROR}>:-Werror>
    ${SIGCHLD_SANITIZE_FLAGS})
  target_link_options(${target} PRIVATE ${SIGCHLD_SANITIZE_FLAGS})
endfunction()
