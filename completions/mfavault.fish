complete --keep-order --exclusive --command mfavault --arguments "(MFAVAULT_COMPLETE=fish mfavault -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
