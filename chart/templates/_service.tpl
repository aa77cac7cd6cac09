{{/* What the Service for all clients and those for single pods share. */}}

{{- define "beacon.clientService" -}}
type: {{ .Values.service.type }}
{{- with include "beacon.externalTrafficPolicy" . }}
externalTrafficPolicy: {{ . }}
{{- end }}
ports:
  - name: clients
    port: 443
    targetPort: clients
{{- end }}

{{/* Empty: Kubernetes' own default. */}}
{{- define "beacon.externalTrafficPolicy" -}}
{{- .Values.service.externalTrafficPolicy | default (eq .Values.service.type "LoadBalancer" | ternary "Local" "") }}
{{- end }}

{{/* (list annotations host): the host name is for external-dns, where the annotations say nothing else. Empty where there are none. */}}
{{- define "beacon.serviceAnnotations" -}}
{{- $annotations := first . }}
{{- with last . }}
{{- $annotations = mustMerge (deepCopy $annotations) (dict "external-dns.alpha.kubernetes.io/hostname" .) }}
{{- end }}
{{- with $annotations }}{{ toYaml . }}{{ end }}
{{- end }}
