/* Starts examples/upstream/server.py for a test program and stops it at its end. */
#ifndef OV_TESTS_UPSTREAM_SERVER_H
#define OV_TESTS_UPSTREAM_SERVER_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UPSTREAM_PYTHON "/usr/bin/python3"

typedef struct {
    pid_t pid;
    char url[64];
} upstream_server;

static inline void upstream_run_python(int out)
{
    dup2(out, STDOUT_FILENO);
    execl(UPSTREAM_PYTHON, "python3", "examples/upstream/server.py", "--port", "0", "--token", "test-token",
          (char *)NULL);
    _exit(127);
}

/* false when there is no python3: the test is to be skipped, or to fail where OPVIC_REQUIRE_TOOLS is 1. The working
 * directory is the root of the tree. */
static inline bool upstream_start(upstream_server *s)
{
    int pipe_ends[2];
    char line[128] = "";
    if (access(UPSTREAM_PYTHON, X_OK) != 0 || pipe(pipe_ends) != 0) return false;
    s->pid = fork();
    if (s->pid == 0) upstream_run_python(pipe_ends[1]);
    close(pipe_ends[1]);
    FILE *f = fdopen(pipe_ends[0], "r");
    bool up = f && fgets(line, sizeof line, f) && sscanf(line, "recorded upstream at %63s", s->url) == 1;
    if (f) fclose(f);
    return up;
}

static inline void upstream_stop(upstream_server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

/* What ctest takes for a skipped test is a success that says so; CI requires the tools. */
static inline int upstream_missing(void)
{
    const char *required = getenv("OPVIC_REQUIRE_TOOLS");
    printf("skipped: " UPSTREAM_PYTHON " is missing\n");
    return required && strcmp(required, "1") == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
