/* Checks for C tests: each failed one prints where and what; the program ends with "N passed, N failed". */
#ifndef OV_TESTS_CHECK_H
#define OV_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/str.h"

/* Names the table row that the following checks belong to (kept by pointer until the next call; NULL: none). */
void check_case(const char *name);
bool check_that(bool ok, const char *file, int line, const char *text);
bool check_str(ov_str got, ov_str want, const char *file, int line, const char *text);
bool check_int(long long got, long long want, const char *file, int line, const char *text);
bool check_status(ov_status got, ov_status want, const ov_err *err, const char *file, int line, const char *text);
/* Prints the closing line; the exit status of the test program. */
int check_end(void);
/* A whole file into terminated memory (the caller frees); a missing file ends the test program. */
char *check_read_file(const char *path, size_t *ret_len);

#define CHECK(cond) check_that((cond), __FILE__, __LINE__, #cond)
#define CHECK_STR(got, want) check_str((got), (want), __FILE__, __LINE__, #got)
#define CHECK_C(got, want) check_str(ov_str_of(got), ov_str_of(want), __FILE__, __LINE__, #got)
#define CHECK_INT(got, want) check_int((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
#define CHECK_OK(call, err) check_status((call), OV_OK, (err), __FILE__, __LINE__, #call)
#define CHECK_STATUS(call, want, err) check_status((call), (want), (err), __FILE__, __LINE__, #call)

#endif
