{{/* What a schema cannot say, one line for each mistake; empty when there is none. The argument is $. */}}

{{- define "beacon.mistakes" -}}
{{- $host := include "beacon.host" . }}
{{- $issuer := include "beacon.issuer" . }}
{{- if and $issuer .Values.tls.existingSecret }}
- two sources of the certificate are set: keep either tls.existingSecret or {{ include "beacon.issuerKey" . }}
{{- else if not (or $issuer .Values.tls.existingSecret) }}
- no source of the certificate is set: set tls.existingSecret to a Secret of type kubernetes.io/tls, or tls.issuer and host for cert-manager
{{- end }}
{{- if and $issuer (not $host) }}
- {{ include "beacon.issuerKey" . }} needs host, the DNS name to put into the certificate
{{- end }}
{{- if and .Values.service.perReplica.enabled (not $host) }}
- service.perReplica.enabled needs host, as the relays are reached as <pod>.<host>
{{- end }}
{{- include "beacon.differs" (list "host" .Values.host "beacon.ingress.host" .Values.beacon.ingress.host) }}
{{- include "beacon.differs" (list "tls.issuer" .Values.tls.issuer "beacon.ingress.tls.issuer" .Values.beacon.ingress.tls.issuer) }}
{{- if and .Values.allow.infoHashes .Values.allow.existingConfigMap }}
- two allow files are set: keep either allow.infoHashes or allow.existingConfigMap
{{- end }}
{{- if and .Values.service.externalTrafficPolicy (eq .Values.service.type "ClusterIP") }}
- service.externalTrafficPolicy is for service.type LoadBalancer or NodePort; with ClusterIP leave it empty
{{- end }}
{{- include "beacon.lacks" (list $ "tls.existingSecret" .Values.tls.existingSecret "tls.crt") }}
{{- include "beacon.lacks" (list $ "tls.existingSecret" .Values.tls.existingSecret "tls.key") }}
{{- include "beacon.lacks" (list $ "cluster.existingSecret" .Values.cluster.existingSecret .Values.cluster.secretKey) }}
{{- end }}

{{- define "beacon.issuerKey" -}}
{{- ternary "tls.issuer" "beacon.ingress.tls.issuer" (not (not .Values.tls.issuer)) }}
{{- end }}

{{/* Two spellings of one thing, both set: (list key value key value). */}}
{{- define "beacon.differs" -}}
{{- $one := index . 1 }}
{{- $other := index . 3 }}
{{- if and $one $other (ne $one $other) }}
- {{ first . }} is {{ $one | quote }} and {{ index . 2 }} is {{ $other | quote }}: they mean the same, set one of them
{{- end }}
{{- end }}

{{/* A Secret that is there, without a key: (list $ value name key). One that is not there yet may come. */}}
{{- define "beacon.lacks" -}}
{{- $name := index . 2 }}
{{- $key := last . }}
{{- if $name }}
{{- with lookup "v1" "Secret" (first .).Release.Namespace $name }}
{{- if not (index (.data | default dict) $key) }}
- the Secret {{ $name }}, which {{ index $ 1 }} names, has no {{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
