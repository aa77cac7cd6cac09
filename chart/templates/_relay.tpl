{{/* What the relay's templates share: the values that have two spellings, and names. The argument is $. */}}

{{- define "beacon.replicas" -}}
{{- .Values.beacon.replicas | default .Values.replicas }}
{{- end }}

{{- define "beacon.host" -}}
{{- .Values.beacon.ingress.host | default .Values.host }}
{{- end }}

{{- define "beacon.issuer" -}}
{{- .Values.beacon.ingress.tls.issuer | default .Values.tls.issuer }}
{{- end }}

{{- define "beacon.tlsSecret" -}}
{{- .Values.tls.existingSecret | default (include "beacon.nameWith" (list . "tls")) }}
{{- end }}

{{- define "beacon.clusterSecret" -}}
{{- .Values.cluster.existingSecret | default (include "beacon.nameWith" (list . "cluster")) }}
{{- end }}

{{/* The ConfigMap with the allow file; empty: the relays serve everybody. */}}
{{- define "beacon.allowConfigMap" -}}
{{- if .Values.allow.existingConfigMap }}
{{- .Values.allow.existingConfigMap }}
{{- else if .Values.allow.infoHashes }}
{{- include "beacon.nameWith" (list . "allow") }}
{{- end }}
{{- end }}

{{/* Names of the pods, for fromJsonArray. */}}
{{- define "beacon.pods" -}}
{{- $pods := list }}
{{- range $i := until (include "beacon.replicas" . | int) }}
{{- $pods = append $pods (include "beacon.nameWith" (list $ (toString $i))) }}
{{- end }}
{{- toJson $pods }}
{{- end }}

{{/* The names by which clients reach relays, for fromJsonArray. */}}
{{- define "beacon.hosts" -}}
{{- $host := include "beacon.host" . }}
{{- $hosts := list $host }}
{{- if .Values.service.perReplica.enabled }}
{{- range include "beacon.pods" . | fromJsonArray }}
{{- $hosts = append $hosts (printf "%s.%s" . $host) }}
{{- end }}
{{- end }}
{{- toJson $hosts }}
{{- end }}

{{/* --cluster-peer: every pod by its name, at the headless Service. */}}
{{- define "beacon.clusterPeers" -}}
{{- $service := include "beacon.nameWith" (list . "headless") }}
{{- $peers := list }}
{{- range include "beacon.pods" . | fromJsonArray }}
{{- $peers = append $peers (printf "%s=%s.%s.%s.svc:7946" . . $service $.Release.Namespace) }}
{{- end }}
{{- join "," $peers }}
{{- end }}

{{/* Seconds: the drain, the load balancer's deregistration, and half a minute for what is cut then and for the stop itself. */}}
{{- define "beacon.gracePeriod" -}}
{{- add (.Values.settings.drainTimeout | default 60) .Values.service.deregistrationDelay 30 }}
{{- end }}
