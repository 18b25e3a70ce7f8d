/* A secret gives back its text, terminated, and nothing is an empty one. */
#include "crypto/secret.h"

#include "support/check.h"
#include "base/poison.h"

static void test_text(void)
{
    char source[] = "s3cret-token";
    OV_CLEANUP(ov_secret_free_p) ov_secret *s = ov_secret_new(ov_str_sub(ov_str_of(source), 0, 6));
    source[0] = 'x'; /* the secret has its own copy */
    ov_str text = ov_secret_text(s);
    CHECK_STR(text, OV_STR("s3cret"));
    CHECK_INT(text.ptr[text.len], '\0');
}

static void test_nothing(void)
{
    CHECK_STR(ov_secret_text(NULL), OV_STR(""));
    CHECK(ov_secret_text(NULL).ptr != NULL);
    OV_CLEANUP(ov_secret_free_p) ov_secret *empty = ov_secret_new((ov_str){0});
    CHECK_STR(ov_secret_text(empty), OV_STR(""));
    ov_secret_free(NULL);
}

static void test_buf(void)
{
    ov_buf b = ov_secret_buf(8);
    const char *place = b.ptr;
    ov_buf_append_c(&b, "s3cret");
    CHECK(b.ptr == place); /* it never moved */
    CHECK_STR(ov_buf_str(&b), OV_STR("s3cret"));
    ov_buf_append_c(&b, "too long");
    CHECK(b.failed);
    ov_secret_buf_clear(&b);
    CHECK(!b.ptr && b.len == 0);
    ov_secret_buf_clear(&b);
}

int main(void)
{
    test_text();
    test_nothing();
    test_buf();
    return check_end();
}
