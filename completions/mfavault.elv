
set edit:completion:arg-completer[mfavault] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) MFAVAULT_COMPLETE="elvish" mfavault -- $@words) | to-lines
}

