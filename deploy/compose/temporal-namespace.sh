#!/bin/sh
# Makes the namespace and its search attributes. Address and TLS come from TEMPORAL_* in the environment; the token is
# read from its file, so that it stands in no command line and in no container's description.
set -eu
TEMPORAL_API_KEY=$(cat /pki/temporal.token)
export TEMPORAL_API_KEY
attributes="AssayDecision AssayModel AssayTenant AssayCaller AssayRiskBand AssayPolicyVersion AssayReviewState"

if temporal operator namespace describe --namespace "$ASSAY_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace update --namespace "$ASSAY_NAMESPACE" --retention "${ASSAY_RETENTION_DAYS}d"
else
    temporal operator namespace create --namespace "$ASSAY_NAMESPACE" --retention "${ASSAY_RETENTION_DAYS}d"
fi

# A namespace becomes known to every part of the server a moment after it was made.
attempt=0
until known=$(temporal operator search-attribute list --namespace "$ASSAY_NAMESPACE"); do
    attempt=$((attempt + 1))
    [ "$attempt" -lt 30 ] || exit 1
    sleep 2
done
for name in $attributes; do
    case $known in
        *"$name"*) ;;
        *) temporal operator search-attribute create --namespace "$ASSAY_NAMESPACE" --name "$name" --type Keyword ;;
    esac
done
