/* Subjects: any id becomes one safe token that is no other id's, and any subject is parsed without a fault. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/subjects.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static bool is_safe(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_/=", c);
}

static void check_token(ov_str id)
{
    char token[SUBJECT_TOKEN_MAX + 1], report[SUBJECT_MAX];
    subject_parsed p;
    subject_escape(id, token);
    size_t len = strlen(token);
    require(len > 0 && len <= SUBJECT_TOKEN_MAX && strcmp(token, "_") != 0);
    for (size_t i = 0; i < len; i++) require(is_safe(token[i]));
    require(token[0] != '/' && token[len - 1] != '/');
    require(subject_token_is(ov_str_of(token), id));
    subject_report(id, id, report);
    subject_parse(ov_str_of(report), &p);
    require(p.kind == SUBJECT_REPORT && subject_token_is(p.token[0], id) && subject_token_is(p.token[1], id));
}

static void check_pair(ov_str left, ov_str right)
{
    char token[SUBJECT_TOKEN_MAX + 1];
    subject_escape(left, token);
    require(subject_token_is(ov_str_of(token), right) == ov_str_eq(left, right));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str text = {(const char *)data, size};
    ov_err err = {0};
    subject_parsed p;
    check_token(text);
    if (subject_id_check(text, "id", &err) != OV_OK) require(err.msg[0] != '\0');
    subject_parse(text, &p);
    require(p.manifest.len <= text.len);
    check_pair(ov_str_sub(text, 0, size / 2), ov_str_sub(text, size / 2, size));
    return 0;
}
