/* Writes paths; whatever the server gave us is escaped on its way back. */
#include "services/collector/kube/path.h"

#include "base/poison.h"

void kube_path_append(ov_buf *out, ov_str group, ov_str version, const char *plural)
{
    ov_buf_append_c(out, group.len > 0 ? "/apis/" : "/api/");
    ov_buf_append_str(out, group);
    if (group.len > 0) ov_buf_append_char(out, '/');
    ov_buf_append_str(out, version);
    if (*plural) ov_buf_append_char(out, '/');
    ov_buf_append_c(out, plural);
}

static void append_escaped(ov_buf *out, ov_str text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (plain) {
            ov_buf_append_char(out, (char)c);
        } else {
            ov_buf_append_char(out, '%');
            ov_buf_append_char(out, hex[c >> 4]);
            ov_buf_append_char(out, hex[c & 15]);
        }
    }
}

void kube_path_append_list(ov_buf *out, int limit, const char *more)
{
    ov_buf_printf(out, "?limit=%d", limit);
    if (!*more) return;
    ov_buf_append_c(out, "&continue=");
    append_escaped(out, ov_str_of(more));
}

static void append_watch(ov_buf *out, int64_t seconds)
{
    ov_buf_printf(out, "?watch=1&allowWatchBookmarks=true&timeoutSeconds=%lld", (long long)seconds);
}

void kube_path_append_watch(ov_buf *out, int64_t seconds, const char *version)
{
    append_watch(out, seconds);
    ov_buf_append_c(out, "&resourceVersion=");
    append_escaped(out, ov_str_of(version));
}

void kube_path_append_stream(ov_buf *out, int64_t seconds)
{
    append_watch(out, seconds);
    ov_buf_append_c(out, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
}
