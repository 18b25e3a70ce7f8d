/* Reads the headers that decide about a request in one pass, counting those that must not be repeated. */
#include "httpd/exchange.h"

#include "base/poison.h"

static ov_str trimmed(const char *value)
{
    return ov_str_trim(ov_str_of(value));
}

static void keep_first(ov_str *slot, const char *value)
{
    if (!slot->ptr) *slot = trimmed(value ? value : "");
}

static enum MHD_Result take_header(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
    ov_http_facts *f = arg;
    ov_str name = ov_str_of(key);
    (void)kind;
    if (ov_str_eq_ignore_case(name, OV_STR("Host"))) {
        f->hosts++;
    } else if (ov_str_eq_ignore_case(name, OV_STR("Authorization"))) {
        keep_first(&f->authorization, value);
    } else if (ov_str_eq_ignore_case(name, OV_STR("Content-Length"))) {
        f->lengths++;
        keep_first(&f->content_length, value);
    } else if (ov_str_eq_ignore_case(name, OV_STR("Transfer-Encoding"))) {
        f->encodings++;
        keep_first(&f->transfer_encoding, value);
    } else if (ov_str_eq_ignore_case(name, OV_STR("Expect"))) {
        keep_first(&f->expect, value);
    } else if (ov_str_eq_ignore_case(name, OV_STR("Accept-Encoding"))) {
        keep_first(&f->accept_encoding, value);
    }
    return MHD_YES;
}

void ov_http_facts_read(struct MHD_Connection *mhd, ov_http_facts *ret)
{
    *ret = (ov_http_facts){0};
    MHD_get_connection_values(mhd, MHD_HEADER_KIND, take_header, ret);
}

bool ov_http_has_body(const ov_http_facts *f)
{
    return f->encodings > 0 || f->length > 0;
}
