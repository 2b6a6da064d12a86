"""What the first prototype of CtxPack did with a folder, as a yardstick.

    python3 prototype.py hash FOLDER            the digest of a folder
    python3 prototype.py seed FOLDER INTO       a copy, the digest of every file, a tar.gz and its digest
"""

import hashlib
import pathlib
import shutil
import sys
import tarfile

BLOCK = 8192


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def hash_folder(folder):
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            line = f"{digest_of(path)}  {path.relative_to(folder)}\n"
            digest.update(line.encode())
    return digest.hexdigest()


def seed(folder, into):
    copy = into / "files"
    shutil.copytree(folder, copy)
    print(hash_folder(copy))
    archive = into / "files.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(copy, arcname=".")
    print(digest_of(archive))


if sys.argv[1] == "hash":
    print(hash_folder(pathlib.Path(sys.argv[2])))
else:
    seed(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
