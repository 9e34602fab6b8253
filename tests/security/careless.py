"""Secrets that runs are given, and a command that does with them what careless ones do: it prints
them, plain and encoded, with everything else that it was given."""

from planted import secret

GITHUB_TOKEN = secret("GitHub token", "ghp_PlantedByATestOfLeaks0123456789abcd")
API_TOKEN = secret("deployment token", "aphex-planted-api-token-7f3b9d1c5e")
SMTP_PASSWORD = secret("SMTP password", "planted!Smtp/pass+word=42")
VARIABLES = {"GITHUB_TOKEN": GITHUB_TOKEN, "DEPLOY_API_TOKEN": API_TOKEN,
             "SMTP_PASSWORD": SMTP_PASSWORD}
COMMAND = ('echo "token $GITHUB_TOKEN"; echo "smtp://me:$SMTP_PASSWORD@mail"; '
           'printf %s "$DEPLOY_API_TOKEN" | base64; env | sort; '
           'echo "aws $AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN"')
