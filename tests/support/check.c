/* Counts and prints what the check macros find. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>

static const char *current_case;
static int passed, failed;

void check_case(const char *name)
{
    current_case = name;
}

static bool note(bool ok, const char *file, int line, const char *text)
{
    if (ok) {
        passed++;
        return true;
    }
    failed++;
    fprintf(stderr, "%s:%d: %s%s%s", file, line, current_case ? "[" : "", current_case ? current_case : "",
            current_case ? "] " : "");
    fprintf(stderr, "%s", text);
    return false;
}

bool check_that(bool ok, const char *file, int line, const char *text)
{
    if (!note(ok, file, line, text)) fprintf(stderr, " is false\n");
    return ok;
}

bool check_str(ov_str got, ov_str want, const char *file, int line, const char *text)
{
    bool ok = ov_str_eq(got, want);
    if (!note(ok, file, line, text))
        fprintf(stderr, ": got \"%.*s\", want \"%.*s\"\n", OV_STR_ARG(got), OV_STR_ARG(want));
    return ok;
}

bool check_int(long long got, long long want, const char *file, int line, const char *text)
{
    bool ok = got == want;
    if (!note(ok, file, line, text)) fprintf(stderr, ": got %lld, want %lld\n", got, want);
    return ok;
}

bool check_status(ov_status got, ov_status want, const ov_err *err, const char *file, int line, const char *text)
{
    bool ok = got == want;
    if (!note(ok, file, line, text))
        fprintf(stderr, ": got %s, want %s (%s)\n", ov_status_name(got), ov_status_name(want), err ? err->msg : "");
    return ok;
}

int check_end(void)
{
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed ? EXIT_FAILURE : EXIT_SUCCESS;
}

char *check_read_file(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        exit(EXIT_FAILURE);
    }
    fseek(f, 0, SEEK_END);
    size_t len = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(len + 1);
    if (!bytes || fread(bytes, 1, len, f) != len) abort();
    bytes[len] = '\0';
    fclose(f);
    if (ret_len) *ret_len = len;
    return bytes;
}
