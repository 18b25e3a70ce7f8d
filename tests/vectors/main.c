/* vectors KIND FILE: runs a table of recorded answers of the reference implementations against our code. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "kinds.h"
#include "support/check.h"
#include "base/poison.h"

enum { SHOWN_MAX = 300, PATH_TEXT_MAX = 4096 };

typedef bool (*kind_run)(ov_str row, ov_err *why);

static const struct {
    const char *name;
    kind_run run;
} kinds[] = {
    {"version_parse", kind_version_parse},
    {"version_compare", kind_version_compare},
    {"version_constraint", kind_version_constraint},
    {"version_sort", kind_version_sort},
    {"jsonpath", kind_jsonpath},
    {"regex", kind_regex},
    {"selector", kind_selector},
    {"image", kind_image},
};

static kind_run find_kind(const char *name)
{
    for (size_t i = 0; i < OV_COUNT(kinds); i++)
        if (ov_str_eq(ov_str_of(name), ov_str_of(kinds[i].name))) return kinds[i].run;
    return NULL;
}

static int usage(const char *wrong)
{
    fprintf(stderr, "vectors: %s: expected vectors KIND FILE with one of", wrong);
    for (size_t i = 0; i < OV_COUNT(kinds); i++) fprintf(stderr, " %s", kinds[i].name);
    fprintf(stderr, "\n");
    return EXIT_FAILURE;
}

/* The objects lie in a folder beside the table. */
static void set_objects(const char *file)
{
    char folder[PATH_TEXT_MAX];
    const char *slash = strrchr(file, '/');
    snprintf(folder, sizeof folder, "%.*sjsonpath_objects", slash ? (int)(slash - file) + 1 : 0, file);
    kind_jsonpath_objects(folder);
}

static bool run_row(kind_run run, const char *file, size_t line, ov_str row)
{
    ov_err why = {0};
    if (run(row, &why)) return true;
    int shown = row.len < SHOWN_MAX ? (int)row.len : SHOWN_MAX;
    printf("%s:%zu: %s\n    %.*s\n", file, line, why.msg, shown, row.ptr);
    return false;
}

static int run_file(kind_run run, const char *file)
{
    size_t len = 0, line = 0, passed = 0, failed = 0;
    OV_CLEANUP(ov_free_p) char *bytes = check_read_file(file, &len);
    ov_str rest = {bytes, len}, row;
    while (ov_str_split(&rest, '\n', &row)) {
        line++;
        if (ov_str_trim(row).len == 0) continue;
        if (run_row(run, file, line, row))
            passed++;
        else
            failed++;
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed > 0 || passed == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc != 3) return usage(argc < 2 ? "no kind" : argc < 3 ? "no file" : "too many arguments");
    kind_run run = find_kind(argv[1]);
    if (!run) return usage("unknown kind");
    set_objects(argv[2]);
    return run_file(run, argv[2]);
}
