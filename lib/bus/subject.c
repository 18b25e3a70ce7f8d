/* Subjects and names: what is one, and whether a filter takes it. */
#include "bus/internal.h"

#include "base/poison.h"

static bool token_is_valid(ov_str token, bool last, bool wildcards)
{
    if (token.len == 0) return false;
    for (size_t i = 0; i < token.len; i++) {
        unsigned char c = (unsigned char)token.ptr[i];
        if (c <= ' ' || c == 0x7f) return false;
        bool wild = token.len == 1 && (c == '*' || (c == '>' && last));
        if ((c == '*' || c == '>') && !(wild && wildcards)) return false;
    }
    return true;
}

bool ov_bus_subject_is_valid(const char *subject, bool wildcards)
{
    ov_str rest = ov_str_of(subject), token;
    if (rest.len == 0 || rest.len > OV_BUS_SUBJECT_MAX) return false;
    if (rest.ptr[rest.len - 1] == '.') return false;
    while (ov_str_split(&rest, '.', &token))
        if (!token_is_valid(token, rest.ptr == NULL, wildcards)) return false;
    return true;
}

bool ov_bus_name_is_valid(const char *name)
{
    ov_str s = ov_str_of(name);
    return s.len > 0 && s.len <= 255 && token_is_valid(s, true, false) && ov_str_find(s, '.', 0) == s.len &&
           ov_str_find(s, '/', 0) == s.len && ov_str_find(s, '\\', 0) == s.len;
}

bool ov_bus_subject_matches(ov_str filter, ov_str subject)
{
    ov_str want, have;
    while (ov_str_split(&filter, '.', &want)) {
        if (!ov_str_split(&subject, '.', &have)) return false;
        if (ov_str_eq(want, OV_STR(">"))) return true;
        if (!ov_str_eq(want, OV_STR("*")) && !ov_str_eq(want, have)) return false;
    }
    return subject.ptr == NULL;
}
