{{/* The environment of our programs: what the values say, then extraEnv. Of a name that stands twice the last one counts,
since servers refuse a list that has it twice. */}}

{{/* of: root, env (the define that gives the program's own), section */}}
{{- define "opvic.env" -}}
{{- $lists := list (include .env . | fromYamlArray) -}}
{{- range $section := ternary (list "agent") (list "controlplane" .section | uniq) (eq .section "agent") -}}
{{- $extra := (index $.root.Values $section).extraEnv -}}
{{- if kindIs "string" $extra -}}
{{- $extra = tpl $extra $.root | fromYamlArray -}}
{{- end -}}
{{- range $extra -}}
{{- if not (kindIs "map" .) -}}
{{- fail (printf "%s.extraEnv: expected a list of {name, value}: %v" $section .) -}}
{{- end -}}
{{- end -}}
{{- $lists = append $lists ($extra | default list) -}}
{{- end -}}
{{- $last := dict -}}
{{- $all := list -}}
{{- range $lists -}}
{{- $all = concat $all . -}}
{{- end -}}
{{- range $i, $variable := $all -}}
{{- $_ := set $last $variable.name $i -}}
{{- end -}}
{{- $out := list -}}
{{- range $i, $variable := $all -}}
{{- if eq $i (index $last $variable.name) -}}
{{- $out = append $out $variable -}}
{{- end -}}
{{- end -}}
{{- toYaml $out -}}
{{- end -}}

{{- define "opvic.apiEnv" -}}
{{- $cp := .root.Values.controlplane -}}
- name: CONTROLPLANE_BIND_ADDRESS
  value: ":8080"
- name: CONTROLPLANE_MAX_CONNECTIONS
  value: {{ .root.Values.api.maxConnections | int64 | quote }}
- name: LOG_LEVEL
  value: {{ $cp.log.level }}
- name: LOG_HTTP_REQUESTS
  value: {{ $cp.log.logHttpRequests | quote }}
{{ include "opvic.busEnv" . }}
{{- end -}}

{{- define "opvic.aggregatorEnv" -}}
{{- $a := .root.Values.aggregator -}}
{{- $cp := .root.Values.controlplane -}}
- name: METRICS_BIND_ADDRESS
  value: ":8083"
- name: LOG_LEVEL
  value: {{ $a.log.level | default $cp.log.level }}
- name: CACHE_EXPIRATION
  value: {{ $cp.cache.expiration }}
- name: CACHE_RECONCILER_INTERVAL
  value: {{ $cp.cache.reconcilerInterval }}
- name: SOURCE_INTERVAL
  value: {{ $a.sourceInterval }}
- name: REPORT_PERIOD
  value: {{ $a.reportPeriod }}
- name: STREAMS_REPLICAS
  value: {{ $a.streams.replicas | default .root.Values.nats.replicas | quote }}
- name: STREAMS_STORAGE
  value: {{ $a.streams.storage }}
- name: STREAMS_MAX_BYTES
  value: {{ $a.streams.maxBytes | int64 | quote }}
- name: STREAMS_EVENTS_MAX_AGE
  value: {{ $a.streams.eventsMaxAge }}
- name: STREAMS_DEAD_LETTERS_MAX_AGE
  value: {{ $a.streams.deadLettersMaxAge }}
{{ include "opvic.busEnv" . }}
{{- end -}}

{{- define "opvic.fetcherEnv" -}}
- name: METRICS_BIND_ADDRESS
  value: ":8084"
- name: LOG_LEVEL
  value: {{ .root.Values.fetcher.log.level | default .root.Values.controlplane.log.level }}
{{ include "opvic.busEnv" . }}
{{ include "opvic.fetchEnv" .root | trim }}
{{- end -}}

{{- define "opvic.agentEnv" -}}
{{- $a := .root.Values.agent -}}
- name: AGENT_IDENTIFIER
  value: {{ $a.identifier | quote }}
- name: AGENT_INTERVAL
  value: {{ $a.reconcilerInterval }}
- name: AGENT_TAGS
  value: {{ $a.tags | default "" | trim | quote }}
- name: METRICS_BIND_ADDRESS
  value: ":8081"
- name: HEALTH_PROBE_BIND_ADDRESS
  value: ":8082"
- name: LOG_LEVEL
  value: {{ $a.log.level }}
{{- if include "opvic.agentOnBus" .root }}
{{ include "opvic.busEnv" . }}
{{- else }}
- name: CONTROLPLANE_URL
  value: {{ $a.controlPlaneURL | default (printf "http://%s-control-plane" (include "opvic.fullname" .root)) | quote }}
{{- end }}
{{- end -}}
