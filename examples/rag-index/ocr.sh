# A PDF to the text that tesseract sees on its pages, each ended by a form feed:  sh ocr.sh DPI IN OUT
set -eu
pictures=$(mktemp -d)
trap 'rm -r "$pictures"' EXIT
pdftoppm -r "$1" -gray -png "$2" "$pictures/page"
find "$pictures" -name '*.png' | sort >"$pictures/list"
OMP_THREAD_LIMIT=1 tesseract --dpi "$1" "$pictures/list" - >"$3"
