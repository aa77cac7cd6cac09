{{/* What NOTES.txt says of bridges and brokers. The argument is $. */}}

{{/* How the Secret with the identity is made, (list $ "bridge"), while it is not there. Rendered without a cluster, it never is. */}}
{{- define "beacon.identityNotes" -}}
{{- $ := first . }}
{{- $values := get $.Values (last .) }}
{{- $name := include "beacon.clientIdentity" . }}
{{- if not (lookup "v1" "Secret" $.Release.Namespace $name) }}
The {{ last . }} starts once its identity is there, from `beacon certs issue` of the bridge CA:
     kubectl --namespace {{ $.Release.Namespace }} create secret generic {{ $name }} --from-file=tls.key={{ last . }}.key
{{- if not $values.identity.certificate }} --from-file=tls.crt={{ last . }}.crt{{ end }}
{{- if not $values.identity.ca }} --from-file=ca.crt=bridge-ca.crt{{ end }}
{{ end }}
{{- end }}

{{- define "beacon.bridgeNotes" -}}
{{- $namespace := .Release.Namespace }}
{{- $name := include "beacon.nameWith" (list $ "bridge") }}
{{- include "beacon.identityNotes" (list $ "bridge") }}
{{- if .Values.bridge.sidecar }}
The bridge stands in the pods of the store, once the chart of OpenBao or Vault, in this same namespace, has its values as well:
     kubectl --namespace {{ $namespace }} get configmap {{ $name }}-sidecar --output 'jsonpath={.data.values\.yaml}' > bridge.yaml
     helm upgrade --namespace {{ $namespace }} --reuse-values --values bridge.yaml RELEASE openbao/openbao
If you set server.extraContainers or server.volumes there yourself, put both lists together by hand: Helm replaces lists.
{{ else }}
{{ .Values.bridge.replicas }} {{ eq (int .Values.bridge.replicas) 1 | ternary "bridge" "bridges" }}. When ready, each logs "parked at a relay":
     kubectl --namespace {{ $namespace }} rollout status deployment/{{ $name }}
     kubectl --namespace {{ $namespace }} logs --selector app.kubernetes.io/component=bridge,app.kubernetes.io/instance={{ .Release.Name }}
{{ if eq (int .Values.bridge.replicas) 1 }}
CAUTION: one bridge. While it is restarted, new streams wait for it, for 10 s at the most. Set bridge.replicas to 2.
{{ end }}
{{- end }}
{{- end }}

{{- define "beacon.brokerNotes" -}}
{{- $namespace := .Release.Namespace }}
{{- $name := include "beacon.nameWith" (list $ "broker") }}
{{- include "beacon.identityNotes" (list $ "broker") }}
{{- $https := not .Values.broker.allowHTTP }}
{{ .Values.broker.replicas }} {{ eq (int .Values.broker.replicas) 1 | ternary "broker" "brokers" }}. When ready, each logs "a tunnel to the bridge is up":
     kubectl --namespace {{ $namespace }} rollout status deployment/{{ $name }}
     kubectl --namespace {{ $namespace }} exec deployment/{{ $name }} -- beacon status
   Workloads reach the store at
     VAULT_ADDR={{ $https | ternary "https" "http" }}://{{ $name }}.{{ $namespace }}.svc:8199
{{- if $https }}
   The certificate in the Secret {{ .Values.broker.tls.existingSecret }} must hold that name.
{{- end }}
{{- if .Values.networkPolicy.enabled }}
   broker.networkPolicy.clients says which pods may connect; unless told otherwise, those of the namespace {{ $namespace }}.
{{- end }}
{{ if not $https }}
CAUTION: broker.allowHTTP. Whoever can listen in on the cluster's network reads the secrets. Set broker.tls.existingSecret.
{{ end }}
{{- if eq (int .Values.broker.replicas) 1 }}
CAUTION: one broker. While it is restarted, workloads cannot connect. Set broker.replicas to 2.
{{ end }}
{{- end }}
