/* The table of patterns that Go's own implementation made: every row must pass. */
#include <stdlib.h>

#include "support/check.h"
#include "vectors/kind_regex.c"

#include "base/poison.h"

int main(void)
{
    size_t len, rows = 0;
    char *text = check_read_file("tests/vectors/regex.jsonl", &len);
    ov_str rest = {text, len}, row;
    while (ov_str_split(&rest, '\n', &row)) {
        ov_err why = {0};
        if (!row.len) continue;
        rows++;
        check_case(why.msg);
        if (!CHECK(kind_regex(row, &why))) CHECK_STR(row, OV_STR(""));
    }
    check_case(NULL);
    CHECK(rows >= 1000);
    free(text);
    return check_end();
}
