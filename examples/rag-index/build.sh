# PDFs to an index, each stage a contract; what it prints are the results' URIs, the index last:  sh build.sh [FLAG …]
#
# Flags go to every stage (--push, --force, --quiet). EXTRACT=pdftotext or EXTRACT=ocr reads the PDFs another way; with
# OPENAI_BASE_URL the vectors are those of embed.openai.yaml.
set -eu
version() { "$@" 2>&1 | grep -oEm1 '[0-9]+(\.[0-9]+)+'; }

case ${EXTRACT:-unpdf} in
unpdf) ctxpack map --contract extract.yaml --in pdfs --batch 8 "$@" ;;
pdftotext)
  ctxpack map "$@" --in 'pdfs/**/*.pdf' --tool "pdftotext@$(version pdftotext -v)" --out 'text/{path}.txt' \
    -- pdftotext -enc UTF-8 '{in}' '{out}'
  ;;
ocr)
  ctxpack map "$@" --in 'pdfs/**/*.pdf' --tool "tesseract@$(version tesseract --version)" --code ocr.sh \
    --param "pdftoppm=$(version pdftoppm -v)" --out 'text/{path}.txt' -- sh ocr.sh 150 '{in}' '{out}'
  ;;
*) echo "EXTRACT is $EXTRACT: unpdf, pdftotext and ocr are known" >&2; exit 2 ;;
esac
ctxpack run --contract pages.yaml "$@"
ctxpack map --contract chunk.yaml --in pages --batch 100 "$@"
ctxpack map --contract "embed${OPENAI_BASE_URL:+.openai}.yaml" --in chunks --batch 100 "$@"
ctxpack run --contract index.yaml "$@"
