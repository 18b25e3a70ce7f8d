/* What is asked, what the sink gets, and what follows each way in which a request can end. */
#include "services/collector/kube/reflector.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"

#define POD(name, version) \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"d\",\"resourceVersion\":\"" version "\"}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version) EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define END(version)                                                  \
    EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" version \
                      "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define LIST(version, more, items)                                                                 \
    "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" more \
    "\"},\"items\":[" items "]}"
#define STATUS(code, message) "{\"kind\":\"Status\",\"code\":" #code ",\"message\":\"" message "\"}"
#define LIST_PATH "/api/v1/pods?limit=500"
#define STREAM_PATH                                                                                         \
    "/api/v1/"                                                                                              \
    "pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=300&sendInitialEvents=true&resourceVersionMatch=" \
    "NotOlderThan"
#define WATCH_PATH(version) "/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=" version

typedef struct {
    ov_buf seen;
    reflector *r;
    ov_mono now;
    reflector_reason reason;
    ov_err text;
} world;

static void note(void *arg, const cluster_event *e)
{
    world *w = arg;
    static const char *const names[] = {"snapshot", "object", "gone", "ready", "problem"};
    ov_buf_append_c(&w->seen, names[e->type]);
    if (e->name.len) ov_buf_printf(&w->seen, " %.*s", OV_STR_ARG(e->name));
    if (e->type == CLUSTER_PROBLEM) ov_buf_printf(&w->seen, " %d", (int)e->problem);
    ov_buf_append_char(&w->seen, ';');
}

static void open_world(world *w, const char *plural)
{
    *w = (world){.seen = OV_BUF(10000), .now = {1000}};
    reflector_options o = {.event_kind = OV_STR("Pods"),
                           .version = OV_STR("v1"),
                           .kind = OV_STR("Pod"),
                           .plural = ov_str_of(plural),
                           .section = 3,
                           .watch_s = 300,
                           .sink = note,
                           .arg = w};
    w->r = reflector_new(&o);
}

static void close_world(world *w)
{
    reflector_free(w->r);
    ov_buf_clear(&w->seen);
}

/* The next request's path must be path; its answer is body with status, cut into pieces; then it ends as failure says.
 */
static void serve(world *w, bool can_stream, const char *path, unsigned status, const char *body,
                  ov_fetch_failure failure)
{
    static char asked[REFLECTOR_PATH_MAX];
    ov_fetch_result result = {.failure = failure, .status = failure == OV_FETCH_OK ? status : 0};
    CHECK(reflector_due(w->r).ms <= w->now.ms);
    (void)reflector_begin(w->r, can_stream, w->now, 0, asked);
    CHECK_C(asked, path);
    CHECK_INT(reflector_due(w->r).ms, INT64_MAX);
    if (status) reflector_on_head(w->r, status);
    ov_str rest = ov_str_of(body);
    bool wanted = true;
    for (size_t at = 0; wanted && at < rest.len; at += 7)
        wanted = reflector_on_body(w->r, ov_str_sub(rest, at, at + 7));
    if (!wanted) result = (ov_fetch_result){.failure = OV_FETCH_STOPPED};
    snprintf(result.text, sizeof result.text, "%s", failure == OV_FETCH_OK ? "" : "broke");
    w->text = (ov_err){0};
    w->reason = reflector_on_done(w->r, &result, w->now, 0, &w->text);
}

/* Time passes until the next request is due. */
static void wait_due(world *w)
{
    if (reflector_due(w->r).ms > w->now.ms) w->now = reflector_due(w->r);
}

static const char *seen(world *w)
{
    static char text[10000];
    snprintf(text, sizeof text, "%.*s", OV_STR_ARG(ov_buf_str(&w->seen)));
    ov_buf_reset(&w->seen);
    return text;
}

static void test_pages_then_watch(void)
{
    world w;
    check_case("pages, then a watch from there");
    open_world(&w, "pods");
    serve(&w, false, LIST_PATH, 200, LIST("10", "x/y=", POD("a", "1") "," POD("b", "2")), OV_FETCH_OK);
    CHECK_C(seen(&w), "snapshot;object a;object b;");
    CHECK(!reflector_is_settled(w.r) && reflector_is_reading(w.r));
    serve(&w, false, LIST_PATH "&continue=x%2Fy%3D", 200, LIST("10", "", POD("c", "3")), OV_FETCH_OK);
    CHECK_C(seen(&w), "object c;ready;");
    CHECK(reflector_is_settled(w.r) && !reflector_is_reading(w.r));
    CHECK_INT(w.reason, REFLECTOR_GOES_ON);
    serve(&w, false, WATCH_PATH("10"), 200,
          EVENT("MODIFIED", POD("a", "11")) EVENT("DELETED", POD("b", "12")) BOOKMARK("20"), OV_FETCH_OK);
    CHECK_C(seen(&w), "object a;gone b;");
    CHECK_INT(w.reason, REFLECTOR_TIMED_OUT);
    wait_due(&w);
    serve(&w, false, WATCH_PATH("20"), 200, "", OV_FETCH_UNREACHABLE);
    CHECK_INT(w.reason, REFLECTOR_CUT);
    CHECK(reflector_is_settled(w.r));
    close_world(&w);
}

static void test_stream(void)
{
    world w;
    check_case("a streamed list goes on as a watch");
    open_world(&w, "pods");
    serve(&w, true, STREAM_PATH, 200,
          EVENT("ADDED", POD("a", "1")) EVENT("ADDED", POD("b", "2")) END("9") EVENT("DELETED", POD("a", "12")),
          OV_FETCH_UNREACHABLE);
    CHECK_C(seen(&w), "snapshot;object a;object b;ready;gone a;");
    CHECK_INT(w.reason, REFLECTOR_CUT);
    wait_due(&w);
    serve(&w, true, WATCH_PATH("12"), 200, "", OV_FETCH_TIMEOUT);
    CHECK_INT(w.reason, REFLECTOR_IDLE);
    wait_due(&w);
    serve(&w, true, WATCH_PATH("12"), 200, EVENT("ERROR", STATUS(410, "too old")), OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_EXPIRED);
    wait_due(&w);
    check_case("a streamed list that breaks off begins anew, and is no answer");
    serve(&w, true, STREAM_PATH, 200, EVENT("ADDED", POD("a", "1")), OV_FETCH_OK);
    CHECK_C(seen(&w), "snapshot;object a;");
    wait_due(&w);
    serve(&w, true, STREAM_PATH, 200, EVENT("ADDED", POD("b", "2")) END("30"), OV_FETCH_OK);
    CHECK_C(seen(&w), "snapshot;object b;ready;");
    wait_due(&w);
    serve(&w, true, WATCH_PATH("30"), 410, STATUS(410, "gone"), OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_EXPIRED);
    close_world(&w);
    check_case("a server that does not stream lists is asked for pages from then on");
    open_world(&w, "pods");
    serve(&w, true, STREAM_PATH, 422, STATUS(422, "sendInitialEvents is forbidden"), OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_NO_STREAM);
    serve(&w, true, LIST_PATH, 200, LIST("10", "", ""), OV_FETCH_OK);
    CHECK_C(seen(&w), "snapshot;ready;");
    close_world(&w);
}

static void test_streams_that_are_none(void)
{
    static const struct {
        const char *name, *body;
        ov_fetch_failure failure;
    } rows[] = {
        {"an ordinary bookmark before the list's", EVENT("ADDED", POD("a", "1")) BOOKMARK("2"), OV_FETCH_OK},
        {"silence", EVENT("ADDED", POD("a", "1")), OV_FETCH_TIMEOUT},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        world w;
        check_case(rows[i].name);
        open_world(&w, "pods");
        serve(&w, true, STREAM_PATH, 200, rows[i].body, rows[i].failure);
        CHECK_INT(w.reason, REFLECTOR_NO_STREAM);
        CHECK_C(seen(&w), "snapshot;object a;");
        serve(&w, true, LIST_PATH, 200, LIST("3", "", POD("a", "1")), OV_FETCH_OK);
        CHECK_C(seen(&w), "snapshot;object a;ready;");
        serve(&w, true, WATCH_PATH("3"), 200, "", OV_FETCH_OK);
        close_world(&w);
    }
}

static void test_ends_of_a_watch(void)
{
    static const struct {
        const char *name, *body;
        reflector_reason reason;
        bool anew;
    } rows[] = {
        {"half an event comes again", EVENT("ADDED", POD("a", "6")) "{\"type\":\"ADDED\",\"obj", REFLECTOR_CUT, false},
        {"half of something else", "<html>log in", REFLECTOR_MALFORMED, true},
        {"an error of the server", EVENT("ERROR", STATUS(500, "etcd")), REFLECTOR_SERVER_ERROR, true},
        {"one without a code", EVENT("ERROR", "{}"), REFLECTOR_SERVER_ERROR, true},
        {"too many requests", EVENT("ERROR", STATUS(429, "later")), REFLECTOR_THROTTLED, false},
        {"410", EVENT("ERROR", STATUS(410, "old")), REFLECTOR_EXPIRED, true},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        world w;
        check_case(rows[i].name);
        open_world(&w, "pods");
        serve(&w, true, STREAM_PATH, 200, END("6"), OV_FETCH_UNREACHABLE);
        wait_due(&w);
        serve(&w, true, WATCH_PATH("6"), 200, rows[i].body, OV_FETCH_OK);
        CHECK_INT(w.reason, rows[i].reason);
        CHECK(w.text.msg[0]);
        CHECK(reflector_due(w.r).ms > w.now.ms);
        wait_due(&w);
        serve(&w, true, rows[i].anew ? STREAM_PATH : WATCH_PATH("6"), 200, "", OV_FETCH_OK);
        close_world(&w);
    }
}

static void test_broken_pages(void)
{
    world w;
    check_case("a page may be asked for again");
    open_world(&w, "pods");
    serve(&w, false, LIST_PATH, 200, LIST("10", "m", POD("a", "1")), OV_FETCH_OK);
    serve(&w, false, LIST_PATH "&continue=m", 429, STATUS(429, "slow down"), OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_THROTTLED);
    wait_due(&w);
    serve(&w, false, LIST_PATH "&continue=m", 200, LIST("10", "m2", POD("b", "2")), OV_FETCH_UNREACHABLE);
    wait_due(&w);
    CHECK_C(seen(&w), "snapshot;object a;object b;");
    check_case("an expired continue begins anew");
    serve(&w, false, LIST_PATH "&continue=m", 410, STATUS(410, "the provided continue parameter is too old"),
          OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_EXPIRED);
    wait_due(&w);
    serve(&w, false, LIST_PATH, 200, LIST("11", "", POD("a", "1")), OV_FETCH_OK);
    CHECK_C(seen(&w), "snapshot;object a;ready;");
    close_world(&w);
    check_case("what is no list is malformed and sweeps nothing");
    open_world(&w, "pods");
    serve(&w, false, LIST_PATH, 200, "<html>login</html>", OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_MALFORMED);
    CHECK_C(seen(&w), "snapshot;");
    wait_due(&w);
    serve(&w, false, LIST_PATH, 200, "{\"metadata\":{},\"items\":[]}", OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_MALFORMED);
    CHECK(strstr(w.text.msg, "resourceVersion"));
    CHECK_C(seen(&w), "snapshot;");
    close_world(&w);
}

static void test_problems(void)
{
    world w;
    check_case("a missing right is told once and taken back");
    open_world(&w, "pods");
    for (int i = 0; i < 2; i++) {
        serve(&w, true, STREAM_PATH, 403, STATUS(403, "pods is forbidden"), OV_FETCH_OK);
        CHECK_INT(w.reason, REFLECTOR_FORBIDDEN);
        CHECK_C(seen(&w), i == 0 ? "problem 1;" : "");
        CHECK(reflector_is_settled(w.r));
        CHECK(strstr(reflector_problem(w.r), "pods is forbidden"));
        wait_due(&w);
    }
    serve(&w, true, STREAM_PATH, 200, END("5"), OV_FETCH_OK);
    CHECK_C(seen(&w), "problem 0;snapshot;ready;");
    wait_due(&w);
    check_case("a watch that may not go on, as is said three times, keeps what was seen");
    for (int i = 1; i <= REFLECTOR_DENIALS; i++) {
        serve(&w, true, WATCH_PATH("5"), 403, STATUS(403, "pods is forbidden"), OV_FETCH_OK);
        CHECK_C(seen(&w), i < REFLECTOR_DENIALS ? "" : "problem 1;");
        wait_due(&w);
    }
    serve(&w, true, WATCH_PATH("5"), 200, "", OV_FETCH_OK);
    CHECK_C(seen(&w), "problem 0;");
    wait_due(&w);
    check_case("a kind that went, as is said three times, has no objects");
    for (int i = 1; i < REFLECTOR_DENIALS; i++) {
        serve(&w, true, WATCH_PATH("5"), 404, "404 page not found", OV_FETCH_OK);
        CHECK_C(seen(&w), "");
        wait_due(&w);
    }
    serve(&w, true, WATCH_PATH("5"), 404, "404 page not found", OV_FETCH_OK);
    CHECK_C(seen(&w), "snapshot;ready;problem 2;");
    wait_due(&w);
    check_case("a refused token changes nothing");
    serve(&w, true, STREAM_PATH, 401, STATUS(401, "Unauthorized"), OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_UNAUTHORIZED);
    CHECK_C(seen(&w), "");
    wait_due(&w);
    check_case("what is no API server does not know what there is");
    serve(&w, true, STREAM_PATH, 200, END("7"), OV_FETCH_OK);
    (void)seen(&w);
    for (int i = 0; i < 2 * REFLECTOR_DENIALS; i++) {
        wait_due(&w);
        serve(&w, true, i == 0 ? WATCH_PATH("7") : STREAM_PATH, 404, "<html>default backend - 404</html>", OV_FETCH_OK);
        CHECK_INT(w.reason, REFLECTOR_MALFORMED);
        CHECK_C(seen(&w), "");
    }
    close_world(&w);
}

static void test_discovery(void)
{
    static const char there[] =
        "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"pods/status\",\"kind\":\"Pod\"},"
        "{\"name\":\"pods\",\"kind\":\"Pod\",\"namespaced\":true}]}";
    world w;
    check_case("the server is asked for the plural until it has the kind");
    open_world(&w, "");
    serve(&w, true, "/api/v1", 404, "404 page not found", OV_FETCH_OK);
    CHECK_C(seen(&w), "snapshot;ready;problem 2;");
    wait_due(&w);
    serve(&w, true, "/api/v1", 200, "{\"resources\":[{\"name\":\"nodes\",\"kind\":\"Node\"}]}", OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_MISSING);
    CHECK(strstr(w.text.msg, "no kind Pod"));
    wait_due(&w);
    (void)seen(&w);
    serve(&w, true, "/api/v1", 200, there, OV_FETCH_OK);
    CHECK_INT(w.reason, REFLECTOR_GOES_ON);
    serve(&w, true, STREAM_PATH, 200, END("5"), OV_FETCH_OK);
    CHECK_C(seen(&w), "problem 0;snapshot;ready;");
    wait_due(&w);
    for (int i = 0; i < REFLECTOR_DENIALS; i++) {
        serve(&w, true, WATCH_PATH("5"), 404, STATUS(404, "not found"), OV_FETCH_OK);
        wait_due(&w);
    }
    serve(&w, true, "/api/v1", 200, there, OV_FETCH_OK);
    close_world(&w);
}

static void test_waits(void)
{
    world w;
    check_case("the wait grows, is bounded, and Retry-After is heard");
    open_world(&w, "pods");
    int64_t last = 0;
    for (int i = 0; i < 10; i++) {
        serve(&w, false, LIST_PATH, 503, "", OV_FETCH_OK);
        CHECK_INT(w.reason, REFLECTOR_SERVER_ERROR);
        int64_t wait = reflector_due(w.r).ms - w.now.ms;
        CHECK(wait >= REFLECTOR_WAIT_MIN_MS && wait <= REFLECTOR_WAIT_MAX_MS);
        last = wait > last ? wait : last;
        wait_due(&w);
    }
    serve(&w, false, LIST_PATH, 429, "{\"code\":429,\"details\":{\"retryAfterSeconds\":77}}", OV_FETCH_OK);
    CHECK_INT(reflector_due(w.r).ms - w.now.ms, 77000);
    wait_due(&w);
    serve(&w, false, LIST_PATH, 200, LIST("1", "", ""), OV_FETCH_OK);
    check_case("a watch that lived is followed at once, one that did not is not");
    static char asked[REFLECTOR_PATH_MAX];
    ov_fetch_result fine = {.failure = OV_FETCH_OK, .status = 200};
    for (int i = 0; i < 2; i++) {
        CHECK(reflector_begin(w.r, true, w.now, 0, asked));
        reflector_on_head(w.r, 200);
        if (i == 1) w.now.ms += REFLECTOR_STEADY_MS;
        (void)reflector_on_done(w.r, &fine, w.now, 0, &w.text);
        CHECK_INT(reflector_due(w.r).ms > w.now.ms, i == 0);
        wait_due(&w);
    }
    check_case("however often, when it lived as long as was asked, or was silent");
    for (int i = 0; i < 10; i++) {
        CHECK(reflector_begin(w.r, true, w.now, 0, asked));
        reflector_on_head(w.r, 200);
        w.now.ms += 1000;
        ov_fetch_result silent = {.failure = OV_FETCH_TIMEOUT};
        CHECK_INT(reflector_on_done(w.r, &silent, w.now, UINT64_MAX, &w.text), REFLECTOR_IDLE);
        CHECK(reflector_due(w.r).ms - w.now.ms <= 2 * REFLECTOR_WAIT_MIN_MS);
        wait_due(&w);
    }
    check_case("a server that is reached again is asked soon, whatever it says");
    for (int i = 0; i < 20; i++) {
        serve(&w, true, WATCH_PATH("1"), 0, "", OV_FETCH_UNREACHABLE);
        if (i < 19) wait_due(&w);
    }
    int64_t soon = w.now.ms + 100;
    reflector_hasten(w.r, (ov_mono){soon});
    CHECK_INT(reflector_due(w.r).ms, soon);
    wait_due(&w);
    serve(&w, true, WATCH_PATH("1"), 503, STATUS(503, "starting"), OV_FETCH_OK);
    CHECK(reflector_due(w.r).ms - w.now.ms <= 2 * REFLECTOR_WAIT_MIN_MS);
    int64_t due = reflector_due(w.r).ms;
    reflector_hasten(w.r, w.now);
    CHECK_INT(reflector_due(w.r).ms, due);
    wait_due(&w);
    check_case("a restart reads everything again at once");
    reflector_restart(w.r, w.now);
    CHECK(!reflector_is_settled(w.r));
    serve(&w, false, LIST_PATH, 200, LIST("2", "", ""), OV_FETCH_OK);
    close_world(&w);
}

static void test_bad_events(void)
{
    static const char *const lines[] = {"not json\n", EVENT("ODD", "{}"), EVENT("ADDED", "{}"),
                                        EVENT("ADDED", "{\"metadata\":{\"resourceVersion\":\"1\"}}")};
    for (size_t i = 0; i < OV_COUNT(lines); i++) {
        world w;
        check_case(lines[i]);
        open_world(&w, "pods");
        serve(&w, false, LIST_PATH, 200, LIST("1", "", ""), OV_FETCH_OK);
        (void)seen(&w);
        serve(&w, false, WATCH_PATH("1"), 200, lines[i], OV_FETCH_OK);
        CHECK_INT(w.reason, REFLECTOR_MALFORMED);
        CHECK_C(seen(&w), "");
        wait_due(&w);
        serve(&w, false, LIST_PATH, 200, LIST("1", "", ""), OV_FETCH_OK);
        close_world(&w);
    }
}

int main(void)
{
    test_pages_then_watch();
    test_stream();
    test_streams_that_are_none();
    test_ends_of_a_watch();
    test_broken_pages();
    test_problems();
    test_discovery();
    test_waits();
    test_bad_events();
    return check_end();
}
