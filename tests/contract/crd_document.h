/* YAML documents, mostly Kubernetes', as JSON trees, and members of them by path. */
#ifndef OPVIC_TESTS_CONTRACT_CRD_DOCUMENT_H
#define OPVIC_TESTS_CONTRACT_CRD_DOCUMENT_H

#include "json/tree.h"

/* The only document of a YAML file; NULL after a failed check. The caller frees. */
cJSON *document_read(const char *path);
/* The schema of spec of the definition's first version, or NULL. */
const cJSON *document_spec_schema(const cJSON *definition);
/* The schema at a path from there: "resources.namespaces[]" (an array's items), "matchLabels{}" (an object's values);
 * NULL when there is none. */
const cJSON *schema_at(const cJSON *spec_schema, const char *path);
/* Puts value (which it takes) into spec at such a path, [] being the first item; what lies between is made. */
void value_put(cJSON *spec, const char *path, cJSON *value);

#endif
