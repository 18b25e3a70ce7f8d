/* A checker for the part of JSON Schema (draft 2020-12) that proto/schema uses. */
#ifndef OPVIC_TESTS_CONTRACT_SCHEMA_H
#define OPVIC_TESTS_CONTRACT_SCHEMA_H

#include "json/tree.h"

/* Known words: type, const, enum, properties, required, additionalProperties, items, minimum, minLength, maxLength,
 * pattern; any other word that says more than a description is an error, so that no rule is passed over. A member that
 * no schema describes is an error too: fixtures hold nothing that is not documented. OV_INVALID: "$.version.count:
 * ...". */
OV_MUST_CHECK ov_status schema_validate(const cJSON *schema, const cJSON *value, const char *path, ov_err *err);

#endif
