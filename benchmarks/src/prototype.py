"""What the first prototype of CtxPack did with a folder, as a yardstick.

    python3 prototype.py hash FOLDER            the digest of a folder
    python3 prototype.py seed FOLDER INTO       a copy, the digest of every file, a tar.gz and its digest
    python3 prototype.py unpack ARCHIVE TO      the digest of a tar.gz, and its files
    python3 prototype.py push ARCHIVE HOST REPOSITORY      a tar.gz to a registry, by one connection
    python3 prototype.py pull ARCHIVE HOST REPOSITORY TO   the blob that is ARCHIVE from there, checked, and its files
"""

import hashlib
import http.client
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


def unpack(archive, to):
    print(digest_of(archive))
    with tarfile.open(archive, "r:gz") as tar:
        tar.extractall(to)


def push(archive, host, repository):
    connection = http.client.HTTPConnection(host)
    connection.request("POST", f"/v2/{repository}/blobs/uploads/")
    answer = connection.getresponse()
    answer.read()
    place = answer.headers["Location"] + f"&digest=sha256:{digest_of(archive)}"
    headers = {"Content-Type": "application/octet-stream"}
    with open(archive, "rb") as file:
        headers["Content-Length"] = str(archive.stat().st_size)
        connection.request("PUT", place, file, headers)
    answer = connection.getresponse()
    if answer.status != 201:
        sys.exit(f"{place}: {answer.status}")


def pull(archive, host, repository, to):
    wanted = digest_of(archive)
    connection = http.client.HTTPConnection(host)
    connection.request("GET", f"/v2/{repository}/blobs/sha256:{wanted}")
    answer = connection.getresponse()
    here = to.with_suffix(".tar.gz")
    with open(here, "wb") as file:
        shutil.copyfileobj(answer, file)
    if digest_of(here) != wanted:
        sys.exit(f"{here} is not sha256:{wanted}")
    unpack(here, to)


command, *words = sys.argv[1:]
if command == "hash":
    print(hash_folder(pathlib.Path(words[0])))
elif command == "seed":
    seed(pathlib.Path(words[0]), pathlib.Path(words[1]))
elif command == "unpack":
    unpack(pathlib.Path(words[0]), pathlib.Path(words[1]))
elif command == "push":
    push(pathlib.Path(words[0]), words[1], words[2])
else:
    pull(pathlib.Path(words[0]), words[1], words[2], pathlib.Path(words[3]))
