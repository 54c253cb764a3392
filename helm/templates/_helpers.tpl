{{- define "whorl.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (default .Chart.Name .Values.nameOverride) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "whorl.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "whorl.labels" -}}
{{ include "whorl.selectorLabels" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "whorl.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "whorl.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "whorl.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- /* What this deployment says over the defaults of config/whorl.toml. JSON strings and lists are TOML too. */ -}}
{{- define "whorl.config" -}}
issuer = {{ .Values.issuer | toJson }}
listen = "0.0.0.0:8080"
state_dir = "/tmp/whorl"
trusted_proxies = {{ .Values.trustedProxies | toJson }}

[database]
connections = {{ .Values.database.connections }}
migrate = {{ not .Values.database.migrationJob }}

[vault]
blobs = "s3"
bucket = {{ .Values.vault.bucket | toJson }}
prefix = {{ .Values.vault.prefix | toJson }}
key = "kms"
kms_key_id = {{ .Values.vault.kmsKeyId | toJson }}

[aws]
endpoint_url = {{ .Values.aws.endpointUrl | toJson }}
path_style = {{ .Values.aws.pathStyle }}

[models]
directory = {{ .Values.models.directory | toJson }}

[metrics]
listen = "0.0.0.0:9464"
allow = {{ .Values.metrics.allow | toJson }}

[log]
format = {{ .Values.log.format | toJson }}
level = {{ .Values.log.level | toJson }}
{{- if .Values.extraConfig }}

{{ .Values.extraConfig }}
{{- end }}
{{- end -}}

{{- define "whorl.env" -}}
- name: WHORL_DATABASE__URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.secret | quote }}
      key: {{ .Values.database.key | quote }}
- name: AWS_REGION
  value: {{ .Values.aws.region | quote }}
{{- if .Values.extraEnv }}
{{ toYaml .Values.extraEnv }}
{{- end }}
{{- end -}}

{{- define "whorl.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "whorl.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end -}}
