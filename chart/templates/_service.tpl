{{/* What the Service for all clients and those for single pods share. */}}

{{- define "beacon.clientService" -}}
{{- with .Values.service -}}
type: {{ .type }}
{{- with .externalTrafficPolicy | default (eq .type "LoadBalancer" | ternary "Local" "") }}
externalTrafficPolicy: {{ . }}
{{- end }}
ports:
  - name: clients
    port: 443
    targetPort: clients
{{- end }}
{{- end }}

{{/* (list annotations host): the host name is for external-dns, where the annotations say nothing else. Empty where there are none. */}}
{{- define "beacon.serviceAnnotations" -}}
{{- $annotations := first . }}
{{- with last . }}
{{- $annotations = mustMerge (deepCopy $annotations) (dict "external-dns.alpha.kubernetes.io/hostname" .) }}
{{- end }}
{{- with $annotations }}{{ toYaml . }}{{ end }}
{{- end }}
