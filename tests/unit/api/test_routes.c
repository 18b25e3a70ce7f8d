/* Routes: the table and the published description of the API say the same. */
#include <stdlib.h>

#include "base/mem.h"
#include "services/api/routes.h"
#include "support/check.h"

#include "base/poison.h"

/* "/agents/:id" as OpenAPI writes it: "  /agents/{id}:". */
static void described_path(const char *path, ov_buf *out)
{
    bool open = false;
    ov_buf_append_c(out, "\n  ");
    for (const char *p = path; *p; p++) {
        if (*p == ':') {
            ov_buf_append_char(out, '{');
            open = true;
            continue;
        }
        if (*p == '/' && open) {
            ov_buf_append_char(out, '}');
            open = false;
        }
        ov_buf_append_char(out, *p);
    }
    ov_buf_append_c(out, open ? "}:\n" : ":\n");
}

static size_t find(ov_str text, ov_str needle)
{
    const char *at = memmem(text.ptr, text.len, needle.ptr, needle.len);
    return at ? (size_t)(at - text.ptr) : text.len;
}

/* The part of the description between a path and the next one. */
static ov_str section_of(ov_str text, const char *path)
{
    OV_CLEANUP(ov_buf_clear) ov_buf heading = OV_BUF(1024);
    described_path(path, &heading);
    size_t from = find(text, ov_buf_str(&heading));
    if (from == text.len) return OV_STR("");
    ov_str rest = ov_str_sub(text, from + heading.len, text.len);
    return ov_str_sub(rest, 0, find(rest, OV_STR("\n  /")));
}

static void every_route_is_described(ov_str text)
{
    for (size_t i = 0; i < api_route_count; i++) {
        const ov_http_route *r = &api_routes[i];
        OV_CLEANUP(ov_buf_clear) ov_buf line = OV_BUF(256);
        bool get = strcmp(r->method, "GET") == 0;
        check_case(r->operation);
        ov_buf_printf(&line, "    %s:\n      operationId: %s\n", get ? "get" : "post", r->operation);
        ov_str section = section_of(text, r->path);
        CHECK(section.len > 0);
        CHECK(find(section, ov_buf_str(&line)) < section.len);
        bool open = find(section, OV_STR("      security: []\n")) < section.len;
        CHECK_INT(open, r->role == OV_HTTP_OPEN);
    }
}

static void every_operation_has_a_route(ov_str text)
{
    size_t described = 0;
    ov_str line, rest = text;
    while (ov_str_split(&rest, '\n', &line)) described += ov_str_starts(line, OV_STR("      operationId: "));
    check_case("operations");
    CHECK_INT(described, api_route_count + 2); /* /healthz and /readyz are the app's */
}

int main(void)
{
    size_t len;
    OV_CLEANUP(ov_free_p) char *text = check_read_file("proto/openapi.yaml", &len);
    every_route_is_described((ov_str){text, len});
    every_operation_has_a_route((ov_str){text, len});
    return check_end();
}
