# The Erlang/OTP manuals as Debian has them, 38 PDFs (Apache-2.0), to pdfs/:  sh fetch-manuals.sh VERSION
#
# manuals.sha256 is the lock file: any other file than the one named there is an error.
set -eu
deb="erlang-doc_$(echo "$1" | sed 's/:/%3a/')_all.deb"
[ -f "$deb" ] || apt-get -qq -o APT::Sandbox::User=root download "erlang-doc=$1"
grep -F "  $deb" manuals.sha256 | sha256sum --check --quiet
rm -rf unpacked pdfs
dpkg-deb -x "$deb" unpacked
mkdir pdfs
find unpacked -name '*.pdf.gz' -exec gunzip {} +
find unpacked -name '*.pdf' -exec mv -n {} pdfs/ \;
rm -r unpacked
