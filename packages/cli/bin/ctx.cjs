#!/usr/bin/env node
require("./start.cjs")("ctx", "ctx");
