#!/usr/bin/env node
require("./start.cjs")("ctxpack", "main");
