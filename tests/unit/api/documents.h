/* State documents for tests, and what a view answers to them. */
#ifndef OPVIC_TESTS_API_DOCUMENTS_H
#define OPVIC_TESTS_API_DOCUMENTS_H

#include "proto/members.h"
#include "proto/state.h"
#include "proto/subjects.h"
#include "services/api/answers.h"
#include "services/api/mirror.h"
#include "support/check.h"

#define NO_LISTS                                                                                      \
    "\"availableVersions\":[],\"availableMajors\":[],\"availableMinors\":[],\"availablePatches\":[]," \
    "\"majorAvailable\":false,\"minorAvailable\":false,\"patchAvailable\":false"

static inline void put(mirror *m, const char *key, const char *body)
{
    OV_CLEANUP(ov_buf_clear) ov_buf subject = OV_BUF(SUBJECT_MAX);
    ov_err err = {0};
    ov_buf_printf(&subject, STATE_PREFIX "%s", key);
    CHECK_OK(mirror_apply(m, ov_buf_str(&subject), ov_str_of(body), &err), &err);
}

static inline void put_agent(mirror *m, const char *agent, const char *tags)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(65536);
    agent_doc d = {.agent_id = ov_str_of(agent), .tags = ov_str_of(tags), .first_seen_s = 7};
    ov_err err = {0};
    char key[SUBJECT_MAX];
    key_agent(d.agent_id, key);
    agent_doc_encode(&d, &body);
    CHECK_OK(mirror_apply(m, ov_str_of(key), ov_buf_str(&body), &err), &err);
}

/* An entry of one version; verdict may be "". */
static inline void put_entry(mirror *m, const char *agent, const char *id, const char *running, const char *verdict,
                             state_value state, const char *latest)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(65536), version = OV_BUF(65536);
    ov_buf_printf(
        &version,
        "{\"id\":\"%s\",\"namespace\":\"n\",\"count\":2,\"uniqVersions\":[\"%s\"],\"versions\":[{"
        "\"runningVersion\":\"%s\",\"resourceCount\":2,\"resourceKind\":\"Pods\",\"extractedFrom\":\"i:%s\"}],"
        "\"remoteVersion\":{\"provider\":\"github\",\"strategy\":\"releases\",\"repo\":\"a/b\"}}",
        id, running, running, running);
    entry_version v = {.verdict = ov_str_of(verdict), .state = state, .latest = ov_str_of(latest)};
    entry_doc d = {.agent_id = ov_str_of(agent),
                   .id = ov_str_of(id),
                   .state = state,
                   .latest = ov_str_of(latest),
                   .report = ov_buf_str(&version),
                   .versions = &v,
                   .version_count = 1};
    ov_err err = {0};
    char key[SUBJECT_MAX];
    key_entry(d.agent_id, d.id, key);
    entry_doc_encode(&d, &body);
    CHECK_OK(mirror_apply(m, ov_str_of(key), ov_buf_str(&body), &err), &err);
}

static inline void put_verdict(mirror *m, const char *id, state_value state, const char *latest, const char *minors)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(65536), gap = OV_BUF(65536);
    ov_buf_printf(&gap,
                  "{\"latestVersion\":\"%s\",\"availableVersions\":%s,\"availableMajors\":[],\"availableMinors\":%s,"
                  "\"availablePatches\":[],\"majorAvailable\":false,\"minorAvailable\":%s,\"patchAvailable\":false,"
                  "\"state\":\"%s\"}",
                  latest, minors, minors, strlen(minors) > 2 ? "true" : "false", state_value_name(state));
    verdict_doc d = {
        .id = ov_str_of(id), .source = OV_STR("github/releases/a/b"), .state = state, .gap = ov_buf_str(&gap)};
    ov_err err = {0};
    char key[SUBJECT_MAX];
    key_verdict(d.id, key);
    verdict_doc_encode(&d, &body);
    CHECK_OK(mirror_apply(m, ov_str_of(key), ov_buf_str(&body), &err), &err);
}

/* Compares the whole text of a reply (NULL: "404") and frees it. */
static inline void check_reply(reply *r, const char *want)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 24);
    if (r)
        reply_text(r, &text);
    else
        ov_buf_append_c(&text, "404");
    CHECK_STR(ov_buf_str(&text), ov_str_of(want));
    reply_free(r);
}

#endif
