/* Image references: their parts, and what is no reference. */
#include "services/collector/extract/image.h"
#include "support/check.h"
#include "base/poison.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
    const char *text, *domain, *path, *tag, *digest;
} rows[] = {
    {"nginx", "docker.io", "library/nginx", "", ""},
    {"nginx:1.25", "docker.io", "library/nginx", "1.25", ""},
    {"a/b:c", "docker.io", "a/b", "c", ""},
    {"index.docker.io/a", "docker.io", "library/a", "", ""},
    {"localhost/a", "localhost", "a", "", ""},
    {"registry.k8s.io/coredns/coredns:v1.11.1", "registry.k8s.io", "coredns/coredns", "v1.11.1", ""},
    {"host:5000/a__b/c---d:1@sha256:" HEX64, "host:5000", "a__b/c---d", "1", "sha256:" HEX64},
    {"[::1]:80/a@sha256:" HEX64, "[::1]:80", "a", "", "sha256:" HEX64},
    {"Upper/a", "Upper", "a", "", ""},
    {"my_reg.io/a:1", "", "my_reg.io/a", "1", ""},
};

static const char *const refused[] = {
    "",
    " ",
    "nginx:",
    "nginx@",
    "Nginx",
    "a//b",
    "-a",
    "a-",
    "a___b",
    "a..b",
    "a:b:c",
    "host:/a",
    "[::1/a",
    "[::1%e]/a",
    "a@md5:" HEX64,
    HEX64,
    "a@sha256:"
    "0123",
    "a:.b",
    "http://a/b",
    "a\n",
};

static void test_long(void)
{
    check_case("bounds");
    char text[IMAGE_TEXT_MAX + 1];
    ov_err err = {0};
    image_ref ref;
    memset(text, 'a', sizeof text);
    CHECK_STATUS(image_parse((ov_str){text, sizeof text}, &ref, &err), OV_INVALID, &err);
    CHECK_STATUS(image_parse((ov_str){text, IMAGE_PATH_MAX - 7}, &ref, &err), OV_INVALID, &err);
    CHECK_OK(image_parse((ov_str){text, IMAGE_PATH_MAX - 8}, &ref, &err), &err);
    CHECK_INT(ref.path_len, IMAGE_PATH_MAX);
}

int main(void)
{
    ov_err err = {0};
    image_ref ref;
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].text);
        if (!CHECK_OK(image_parse(ov_str_of(rows[i].text), &ref, &err), &err)) continue;
        CHECK_STR(ref.domain, ov_str_of(rows[i].domain));
        CHECK_STR(image_path(&ref), ov_str_of(rows[i].path));
        CHECK_STR(ref.tag, ov_str_of(rows[i].tag));
        CHECK_STR(ref.digest, ov_str_of(rows[i].digest));
    }
    for (size_t i = 0; i < OV_COUNT(refused); i++) {
        check_case(refused[i]);
        CHECK_STATUS(image_parse(ov_str_of(refused[i]), &ref, &err), OV_INVALID, &err);
        CHECK(strstr(err.msg, "image reference \"") == err.msg);
    }
    test_long();
    return check_end();
}
