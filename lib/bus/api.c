/* Speaks the JetStream API: one request, one JSON answer, the server's error numbers turned into statuses. */
#include "bus/api.h"

#include "bus/internal.h"

#include "base/poison.h"

enum {
    CONSUMER_NOT_FOUND = 10014,
    MESSAGE_NOT_FOUND = 10037,
    STREAM_NOT_FOUND = 10059,
    REPLICAS_NOT_SUPPORTED = 10074,
    CODE_BAD_REQUEST = 400,
    CODE_UNAVAILABLE = 500 /* and above: not now */
};

static ov_status status_of(int64_t code, int64_t number)
{
    switch (number) {
    case CONSUMER_NOT_FOUND:
    case MESSAGE_NOT_FOUND:
    case STREAM_NOT_FOUND:
        return OV_NOT_FOUND;
    case REPLICAS_NOT_SUPPORTED:
        return OV_INVALID;
    default:
        break;
    }
    if (code >= CODE_UNAVAILABLE) return OV_RETRY;
    return code == CODE_BAD_REQUEST ? OV_INVALID : OV_FAILED;
}

int64_t ov_bus_json_int(const cJSON *object, const char *name)
{
    const cJSON *n = ov_json_member(object, name);
    if (!cJSON_IsNumber(n) || n->valuedouble < -9.2e18 || n->valuedouble > 9.2e18) return 0;
    return (int64_t)n->valuedouble;
}

ov_wall ov_bus_json_time(const cJSON *object, const char *name)
{
    ov_wall t = {0};
    ov_err ignored;
    if (ov_wall_parse(ov_json_member_str(object, name), &t, &ignored)) return (ov_wall){0};
    return t;
}

ov_status ov_bus_api(ov_bus *bus, const char *subject, ov_str body, int64_t timeout_ms, cJSON **ret, int *ret_number,
                     ov_err *err)
{
    if (ret_number) *ret_number = 0;
    char full[OV_BUS_SUBJECT_MAX];
    snprintf(full, sizeof full, "$JS.API.%s", subject);
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *answer = NULL;
    ov_status s = ov_bus_request(bus, full, body, timeout_ms, &answer, err);
    if (s) return s;
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    s = ov_json_tree(ov_bus_in_data(answer), &tree, err);
    if (s) return ov_fail_in(err, OV_RETRY, full);
    const cJSON *error = ov_json_member(tree, "error");
    if (cJSON_IsObject(error)) {
        int64_t number = ov_bus_json_int(error, "err_code");
        if (ret_number) *ret_number = (int)number;
        return ov_fail(err, status_of(ov_bus_json_int(error, "code"), number), "%.100s: %.*s (%lld)", full,
                       OV_STR_ARG(ov_json_member_str(error, "description")), (long long)number);
    }
    *ret = OV_TAKE(tree);
    return OV_OK;
}
