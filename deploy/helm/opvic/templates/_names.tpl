{{/* Names and labels. Those of the Go system's chart stay as they were: selectors cannot change. */}}
{{- define "opvic.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "opvic.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "opvic.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "opvic.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* (root, component): what selects its pods */}}
{{- define "opvic.selector" -}}
app.kubernetes.io/name: {{ include "opvic.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* (root, component): of every object that belongs to a component */}}
{{- define "opvic.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{ include "opvic.selector" . }}
{{- end -}}

{{/* of objects that belong to no component */}}
{{- define "opvic.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/name: {{ include "opvic.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The account of the api's pods, which those of aggregator, fetcher and NATS share; no pod of these mounts its token. */}}
{{- define "opvic.controlPlaneAccount" -}}
{{- with .Values.controlplane.serviceAccount -}}
{{- .name | default (ternary (printf "%s-control-plane" (include "opvic.fullname" $)) "default" .create) -}}
{{- end -}}
{{- end -}}

{{- define "opvic.agentAccount" -}}
{{- with .Values.agent.serviceAccount -}}
{{- .name | default (ternary (printf "%s-agent" (include "opvic.fullname" $)) "default" .create) -}}
{{- end -}}
{{- end -}}
