/* The table of providers, and the small things that several of them need. */
#include "services/fetcher/provider.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/poison.h"

const provider *const provider_table[] = {&provider_github, &provider_helm,  &provider_oci,       &provider_git,
                                          &provider_gitlab, &provider_gitea, &provider_endoflife, NULL};

const provider *provider_find(ov_str name)
{
    for (const provider *const *p = provider_table; *p; p++)
        if (ov_str_eq(name, ov_str_of((*p)->name))) return *p;
    return NULL;
}

const provider *provider_of(const job *j)
{
    const provider *p = provider_find(j->provider), *variant = p && p->variant ? p->variant(j) : NULL;
    return variant ? variant : p;
}

void provider_append_escaped(ov_buf *out, ov_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain)
            ov_buf_append_char(out, c);
        else
            ov_buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

ov_status provider_check_strategy(const job *j, const char *one, const char *other, ov_err *err)
{
    if (ov_str_eq(j->strategy, ov_str_of(one)) || (other && ov_str_eq(j->strategy, ov_str_of(other)))) return OV_OK;
    return ov_fail(err, OV_INVALID, "strategy: \"%.*s\": expected one of %s%s%s",
                   OV_STR_ARG(ov_str_sub(j->strategy, 0, 60)), one, other ? ", " : "", other ? other : "");
}

int64_t provider_date_s(ov_str text)
{
    enum { DATE_LENGTH = 10 };
    char midnight[OV_WALL_TEXT];
    ov_wall at;
    if (text.len == DATE_LENGTH) {
        snprintf(midnight, sizeof midnight, "%.*sT00:00:00Z", OV_STR_ARG(text));
        text = ov_str_of(midnight);
    }
    return ov_wall_parse(text, &at, NULL) == OV_OK ? at.ms / 1000 : 0;
}

bool provider_link_next(const provider_page *page, char *out, size_t size)
{
    return ov_fetch_link_next(ov_str_of(page->answer->link), ov_str_of(page->answer->final_url), out, size);
}

bool provider_count_up(const provider_page *page, char *out, size_t size)
{
    ov_str first = ov_str_of(page->first_url);
    int n = snprintf(out, size, "%.*s%u", OV_STR_ARG(ov_str_sub(first, 0, first.len - 1)), page->number + 2);
    return n > 0 && (size_t)n < size;
}

bool provider_is_path(ov_str path, size_t names_min)
{
    ov_str name;
    size_t names = 0;
    while (ov_str_split(&path, '/', &name)) {
        if (name.len == 0 || ov_str_eq(name, OV_STR(".")) || ov_str_eq(name, OV_STR(".."))) return false;
        for (size_t i = 0; i < name.len; i++) {
            char c = name.ptr[i];
            bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (!plain && c != '-' && c != '_' && c != '.') return false;
        }
        names++;
    }
    return names >= names_min;
}
