/* Each kind of table: how one of its rows is run and compared. */
#ifndef OPVIC_TESTS_VECTORS_KINDS_H
#define OPVIC_TESTS_VECTORS_KINDS_H

#include <stdbool.h>

#include "base/status.h"
#include "base/str.h"

/* row is one line of the table, a JSON object. true: the row passes; otherwise why says what differs. */
bool kind_version_parse(ov_str row, ov_err *why);
bool kind_version_compare(ov_str row, ov_err *why);
bool kind_version_constraint(ov_str row, ov_err *why);
bool kind_version_sort(ov_str row, ov_err *why);
bool kind_jsonpath(ov_str row, ov_err *why);
bool kind_regex(ov_str row, ov_err *why);
bool kind_selector(ov_str row, ov_err *why);
bool kind_image(ov_str row, ov_err *why);

/* Where the objects that jsonpath rows name lie; before the first row. */
void kind_jsonpath_objects(const char *folder);

#endif
