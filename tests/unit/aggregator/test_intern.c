/* Texts are kept once, counted, and their ids used again. */
#include "services/aggregator/intern.h"

#include "support/check.h"

#include "base/poison.h"

int main(void)
{
    intern *in = intern_new();
    text_id a = intern_hold(in, OV_STR("1.2.3")), b = intern_hold(in, OV_STR("1.2.4"));
    CHECK(a && b && a != b);
    CHECK_INT(intern_hold(in, OV_STR("1.2.3")), a);
    CHECK_INT(intern_share(in, a), a);
    CHECK_STR(intern_text(in, a), OV_STR("1.2.3"));
    CHECK_INT(intern_hold(in, OV_STR("")), 0);
    CHECK_INT(intern_text(in, 0).len, 0);
    CHECK_INT(intern_count(in), 2);
    intern_drop(in, a);
    intern_drop(in, a);
    CHECK_STR(intern_text(in, a), OV_STR("1.2.3"));
    intern_drop(in, a);
    CHECK_INT(intern_count(in), 1);
    CHECK_INT(intern_hold(in, OV_STR("new")), a);
    text_id place = 0;
    CHECK(intern_set(in, &place, OV_STR("x")));
    CHECK(!intern_set(in, &place, OV_STR("x")));
    CHECK(intern_set(in, &place, OV_STR("")));
    CHECK_INT(place, 0);
    CHECK_INT(intern_count(in), 2);
    intern_free(in);
    return check_end();
}
