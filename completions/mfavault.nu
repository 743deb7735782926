module completions {

  def "nu-complete mfavault profile names" [] {
    ^mfavault list --json | from json | get profile
  }

  def "nu-complete mfavault keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault color" [] {
    [ "auto" "always" "never" ]
  }

  # A virtual MFA device and credential vault for AWS
  export extern mfavault [
    --keystore: string@"nu-complete mfavault keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    --version(-V)             # Print version
  ]

  def "nu-complete mfavault add keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault add color" [] {
    [ "auto" "always" "never" ]
  }

  # Store an access key pair in the keystore
  export extern "mfavault add" [
    --env                     # Take the pair from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    --stdin                   # Read two lines from standard input: the ID, the secret
    --csv: path               # Read the file the console offers for download
    --from-credentials-file   # Move the pair out of ~/.aws/credentials
    --no-verify               # Do not check the pair with AWS
    --no-config               # Do not add the profile to the AWS config
    --force                   # Replace another key of the profile
    --mfa-serial: string      # The serial number of the user's MFA device, written to the AWS config
    --keystore: string@"nu-complete mfavault add keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault add color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault list keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault list color" [] {
    [ "auto" "always" "never" ]
  }

  # Show profiles with their keys, MFA devices and live sessions
  export extern "mfavault list" [
    --older-than: string      # Only profiles whose access key is older than this, such as `90d`
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault list keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault remove keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault remove color" [] {
    [ "auto" "always" "never" ]
  }

  # Forget a profile's access key and its sessions
  export extern "mfavault remove" [
    --force                   # Do not ask
    --keystore: string@"nu-complete mfavault remove keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault remove color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile: string@"nu-complete mfavault profile names"           # The profile
  ]

  def "nu-complete mfavault rotate keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault rotate color" [] {
    [ "auto" "always" "never" ]
  }

  # Replace a profile's access key by a new one
  export extern "mfavault rotate" [
    --older-than: string      # Do nothing unless the key is older than this, such as `90d`
    --deactivate-only         # Leave the old key at AWS, inactive
    --delete-other            # Delete another, inactive key of the user, where there are two and AWS allows no third
    --mfa-code: string        # A code of a device that is not held here
    --yes                     # Forget a replacement that cannot go on, for AWS accepts neither key, without a question
    --keystore: string@"nu-complete mfavault rotate keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault rotate color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault import keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault import color" [] {
    [ "auto" "always" "never" ]
  }

  # Take in access keys from elsewhere: aws-vault, the credentials file, the console's CSV
  export extern "mfavault import" [
    --keystore: string@"nu-complete mfavault import keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault import color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault import aws-vault backend" [] {
    [ "secret-service" "file" "pass" ]
  }

  def "nu-complete mfavault import aws-vault keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault import aws-vault color" [] {
    [ "auto" "always" "never" ]
  }

  # Take in the access keys of aws-vault
  export extern "mfavault import aws-vault" [
    --backend: string@"nu-complete mfavault import aws-vault backend" # Which of its backends [default: AWS_VAULT_BACKEND, else all that are there]
    --file-dir: directory     # The folder of the encrypted files [default: AWS_VAULT_FILE_DIR, else ~/.awsvault/keys]
    --profile: string@"nu-complete mfavault profile names"         # Only these profiles
    --dry-run                 # Say what would come in, and change nothing
    --force                   # Replace other keys of the same profiles
    --no-verify               # Do not check the keys with AWS
    --no-config               # Do not add the profiles to the AWS config
    --remove-source           # Take what was stored and read back out of where it was
    --keep-source             # Leave what was stored where it was, too
    --yes                     # Do not ask whether they are to come in
    --keystore: string@"nu-complete mfavault import aws-vault keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault import aws-vault color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault import credentials-file keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault import credentials-file color" [] {
    [ "auto" "always" "never" ]
  }

  # Take in the access keys of ~/.aws/credentials
  export extern "mfavault import credentials-file" [
    --profile: string@"nu-complete mfavault profile names"         # Only these profiles
    --dry-run                 # Say what would come in, and change nothing
    --force                   # Replace other keys of the same profiles
    --no-verify               # Do not check the keys with AWS
    --no-config               # Do not add the profiles to the AWS config
    --remove-source           # Take what was stored and read back out of where it was
    --keep-source             # Leave what was stored where it was, too
    --yes                     # Do not ask whether they are to come in
    --keystore: string@"nu-complete mfavault import credentials-file keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault import credentials-file color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault import csv keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault import csv color" [] {
    [ "auto" "always" "never" ]
  }

  # Take in the access keys of a CSV file that the console offers for download
  export extern "mfavault import csv" [
    --profile: string@"nu-complete mfavault profile names"         # Only these profiles
    --dry-run                 # Say what would come in, and change nothing
    --force                   # Replace other keys of the same profiles
    --no-verify               # Do not check the keys with AWS
    --no-config               # Do not add the profiles to the AWS config
    --remove-source           # Take what was stored and read back out of where it was
    --keep-source             # Leave what was stored where it was, too
    --yes                     # Do not ask whether they are to come in
    --keystore: string@"nu-complete mfavault import csv keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault import csv color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    file: path                # The file
  ]

  def "nu-complete mfavault exec keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault exec color" [] {
    [ "auto" "always" "never" ]
  }

  # Run a command with session credentials in its environment
  export extern "mfavault exec" [
    --duration(-d): string    # How long the session lasts: `15m`, `12h`, or seconds [env: AWS_SESSION_TOKEN_TTL, AWS_ASSUME_ROLE_TTL]
    --no-session(-n)          # Use the long-term credentials without GetSessionToken
    --region(-r): string      # The region, for STS and for the command
    --mfa-code: string        # A code of a device that is not held here
    --policy: path            # A policy document that narrows a role's session down
    --policy-arn: string      # A managed policy that narrows a role's session down; may be repeated
    --min-ttl: string         # How long the credentials must still be valid
    --refresh                 # Pass over remembered sessions
    --server                  # Give the command an address that hands out fresh credentials as long as it runs, instead of fixed ones
    --keystore: string@"nu-complete mfavault exec keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault exec color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault export format" [] {
    [ "env" "dotenv" "json" "ini" "fish" "powershell" "cmd" "nu" ]
  }

  def "nu-complete mfavault export keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault export color" [] {
    [ "auto" "always" "never" ]
  }

  # Print session credentials for a shell or a file
  export extern "mfavault export" [
    --duration(-d): string    # How long the session lasts: `15m`, `12h`, or seconds [env: AWS_SESSION_TOKEN_TTL, AWS_ASSUME_ROLE_TTL]
    --no-session(-n)          # Use the long-term credentials without GetSessionToken
    --region(-r): string      # The region, for STS and for the command
    --mfa-code: string        # A code of a device that is not held here
    --policy: path            # A policy document that narrows a role's session down
    --policy-arn: string      # A managed policy that narrows a role's session down; may be repeated
    --min-ttl: string         # How long the credentials must still be valid
    --refresh                 # Pass over remembered sessions
    --format: string@"nu-complete mfavault export format" # The form
    --for-shell               # Also MFAVAULT_PROFILE, as `exec` sets it: for `mfav`
    --keystore: string@"nu-complete mfavault export keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault export color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault credential-process keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault credential-process color" [] {
    [ "auto" "always" "never" ]
  }

  # Serve an AWS SDK: for `credential_process =` in the AWS config
  export extern "mfavault credential-process" [
    --duration(-d): string    # How long the session lasts: `15m`, `12h`, or seconds [env: AWS_SESSION_TOKEN_TTL, AWS_ASSUME_ROLE_TTL]
    --no-session(-n)          # Use the long-term credentials without GetSessionToken
    --region(-r): string      # The region, for STS and for the command
    --mfa-code: string        # A code of a device that is not held here
    --policy: path            # A policy document that narrows a role's session down
    --policy-arn: string      # A managed policy that narrows a role's session down; may be repeated
    --min-ttl: string         # How long the credentials must still be valid
    --refresh                 # Pass over remembered sessions
    --keystore: string@"nu-complete mfavault credential-process keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault credential-process color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault serve format" [] {
    [ "env" "dotenv" "json" "fish" "powershell" "cmd" "nu" ]
  }

  def "nu-complete mfavault serve keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault serve color" [] {
    [ "auto" "always" "never" ]
  }

  # Hand out credentials on loopback to other processes, fresh ones as long as it runs
  export extern "mfavault serve" [
    --duration(-d): string    # How long the session lasts: `15m`, `12h`, or seconds [env: AWS_SESSION_TOKEN_TTL, AWS_ASSUME_ROLE_TTL]
    --no-session(-n)          # Use the long-term credentials without GetSessionToken
    --region(-r): string      # The region, for STS and for the command
    --mfa-code: string        # A code of a device that is not held here
    --policy: path            # A policy document that narrows a role's session down
    --policy-arn: string      # A managed policy that narrows a role's session down; may be repeated
    --min-ttl: string         # How long the credentials must still be valid
    --refresh                 # Pass over remembered sessions
    --format: string@"nu-complete mfavault serve format" # The form of the two variables; json is one object with their names
    --keystore: string@"nu-complete mfavault serve keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault serve color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault login keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault login color" [] {
    [ "auto" "always" "never" ]
  }

  # Sign in to the AWS console with a profile's credentials
  export extern "mfavault login" [
    --duration(-d): string    # How long the session lasts: `15m`, `12h`, or seconds [env: AWS_SESSION_TOKEN_TTL, AWS_ASSUME_ROLE_TTL]
    --no-session(-n)          # Use the long-term credentials without GetSessionToken
    --region(-r): string      # The region, for STS and for the command
    --mfa-code: string        # A code of a device that is not held here
    --policy: path            # A policy document that narrows a role's session down
    --policy-arn: string      # A managed policy that narrows a role's session down; may be repeated
    --min-ttl: string         # How long the credentials must still be valid
    --refresh                 # Pass over remembered sessions
    --print                   # Print the address instead of opening it
    --destination: string     # Where to go: a service (`ec2`), a path of the console (`ec2/home#Instances:`) or its URL
    --keystore: string@"nu-complete mfavault login keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault login color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault setup keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault setup color" [] {
    [ "auto" "always" "never" ]
  }

  # Let plain `aws --profile PROFILE` and every SDK get credentials from here
  export extern "mfavault setup" [
    --yes                     # Do not ask
    --undo                    # Take the change back
    --keystore: string@"nu-complete mfavault setup keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault setup color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile: string@"nu-complete mfavault profile names"           # The profile
  ]

  def "nu-complete mfavault clear keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault clear color" [] {
    [ "auto" "always" "never" ]
  }

  # Forget remembered sessions
  export extern "mfavault clear" [
    --keystore: string@"nu-complete mfavault clear keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault clear color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # Only those of this profile and made with its key
  ]

  def "nu-complete mfavault explain keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault explain color" [] {
    [ "auto" "always" "never" ]
  }

  # Show which calls a profile leads to, and where each value comes from
  export extern "mfavault explain" [
    --duration(-d): string    # How long the session lasts: `15m`, `12h`, or seconds [env: AWS_SESSION_TOKEN_TTL, AWS_ASSUME_ROLE_TTL]
    --no-session(-n)          # Use the long-term credentials without GetSessionToken
    --region(-r): string      # The region, for STS and for the command
    --mfa-code: string        # A code of a device that is not held here
    --policy: path            # A policy document that narrows a role's session down
    --policy-arn: string      # A managed policy that narrows a role's session down; may be repeated
    --min-ttl: string         # How long the credentials must still be valid
    --refresh                 # Pass over remembered sessions
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault explain keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault explain color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault whoami keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault whoami color" [] {
    [ "auto" "always" "never" ]
  }

  # Ask AWS whose credentials a profile gives
  export extern "mfavault whoami" [
    --duration(-d): string    # How long the session lasts: `15m`, `12h`, or seconds [env: AWS_SESSION_TOKEN_TTL, AWS_ASSUME_ROLE_TTL]
    --no-session(-n)          # Use the long-term credentials without GetSessionToken
    --region(-r): string      # The region, for STS and for the command
    --mfa-code: string        # A code of a device that is not held here
    --policy: path            # A policy document that narrows a role's session down
    --policy-arn: string      # A managed policy that narrows a role's session down; may be repeated
    --min-ttl: string         # How long the credentials must still be valid
    --refresh                 # Pass over remembered sessions
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault whoami keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault whoami color" # When to use colour
    --help(-h)                # Print help
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault status keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault status color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the live sessions and how long they still last
  export extern "mfavault status" [
    --short                   # One line about the current shell, fit for its prompt
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault status keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault status color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault mfa keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa color" [] {
    [ "auto" "always" "never" ]
  }

  # Virtual MFA devices: make, take in, show, replace and end them
  export extern "mfavault mfa" [
    --keystore: string@"nu-complete mfavault mfa keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault mfa enable keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa enable color" [] {
    [ "auto" "always" "never" ]
  }

  # Create a virtual MFA device at AWS, store its seed here and enable it
  export extern "mfavault mfa enable" [
    --name: string            # The device's name, or with a path /team/NAME [default: the user name]
    --user-name: string       # The user who gets the device, if not the one who calls
    --qr: path                # Write the seed as a QR code to this file before the device is enabled
    --mfa-code: string        # A code of a device that the user has already and that is not held here
    --keystore: string@"nu-complete mfavault mfa enable keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa enable color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile whose user gets the device [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault mfa resync keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa resync color" [] {
    [ "auto" "always" "never" ]
  }

  # Bring a device back into step with AWS
  export extern "mfavault mfa resync" [
    --profile: string@"nu-complete mfavault profile names"         # The profile whose keys call [default: the device's]
    --user-name: string       # The user who has the device, if not the one who calls
    --mfa-code: string        # A code of a device that is not held here
    --keystore: string@"nu-complete mfavault mfa resync keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa resync color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name: string              # The device, a profile, or a serial number
  ]

  def "nu-complete mfavault mfa deactivate keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa deactivate color" [] {
    [ "auto" "always" "never" ]
  }

  # Tell AWS not to demand a device any more
  export extern "mfavault mfa deactivate" [
    --profile: string@"nu-complete mfavault profile names"         # The profile whose keys call [default: the device's]
    --user-name: string       # The user who has the device, if not the one who calls
    --mfa-code: string        # A code of a device that is not held here
    --delete                  # Delete it at AWS as well, and then its seed here
    --yes                     # Do not ask
    --keystore: string@"nu-complete mfavault mfa deactivate keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa deactivate color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name: string              # The device, a profile, or a serial number
  ]

  def "nu-complete mfavault mfa replace keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa replace color" [] {
    [ "auto" "always" "never" ]
  }

  # Put a new device in the place of another
  export extern "mfavault mfa replace" [
    --profile: string@"nu-complete mfavault profile names"         # The profile whose keys call [default: the device's]
    --user-name: string       # The user who has the device, if not the one who calls
    --mfa-code: string        # A code of a device that is not held here
    --new-name: string        # The new device's name at AWS [default: a fresh one like the old]
    --qr: path                # Write the new seed as a QR code to this file before the device is enabled
    --yes                     # Do not ask
    --keystore: string@"nu-complete mfavault mfa replace keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa replace color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name: string              # The device, a profile, or a serial number
  ]

  def "nu-complete mfavault mfa rename keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa rename color" [] {
    [ "auto" "always" "never" ]
  }

  # Give a device another local name; AWS is not told
  export extern "mfavault mfa rename" [
    --keystore: string@"nu-complete mfavault mfa rename keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa rename color" # When to use colour
    --help(-h)                # Print help
    name: string              # The device
    new_name: string          # Its new name
  ]

  def "nu-complete mfavault mfa consent policy" [] {
    [ "ask" "free" ]
  }

  def "nu-complete mfavault mfa consent keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa consent color" [] {
    [ "auto" "always" "never" ]
  }

  # Say whether a person has to agree before a code of a device is made
  export extern "mfavault mfa consent" [
    --remember: string        # How long a yes holds [default: for one code]
    --keystore: string@"nu-complete mfavault mfa consent keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa consent color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name: string              # The device
    policy: string@"nu-complete mfavault mfa consent policy" # Whether somebody is asked
  ]

  def "nu-complete mfavault mfa import keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa import color" [] {
    [ "auto" "always" "never" ]
  }

  # Take in seeds from elsewhere
  export extern "mfavault mfa import" [
    --from: path              # Take in the export of another authenticator
    --qr: path                # Read pictures of QR codes: PNG or JPEG, AWS's QRCode.png included
    --stdin                   # Read the seed or URI from standard input
    --serial: string          # The device's serial number at AWS
    --profile: string@"nu-complete mfavault profile names"         # The profile whose user has the device
    --password-file: path     # Read the export's password from the first line of a file
    --dry-run                 # Say what would come in, and change nothing
    --force                   # Replace the seed of a device of the same name
    --yes                     # Do not ask
    --keystore: string@"nu-complete mfavault mfa import keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa import color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name?: string             # The local name of one device [default: the name in the URI or the serial number]
  ]

  def "nu-complete mfavault mfa list keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa list color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the devices held here
  export extern "mfavault mfa list" [
    --remote                  # Ask AWS too: held, unassigned, missing here, missing there, orphan
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault mfa list keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault mfa show keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show what is known of one device; never its seed
  export extern "mfavault mfa show" [
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault mfa show keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa show color" # When to use colour
    --help(-h)                # Print help
    name: string              # The device, or a profile
  ]

  def "nu-complete mfavault mfa codes format" [] {
    [ "lines" "cli" ]
  }

  def "nu-complete mfavault mfa codes keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa codes color" [] {
    [ "auto" "always" "never" ]
  }

  # Print the two consecutive codes that `aws iam enable-mfa-device` needs
  export extern "mfavault mfa codes" [
    --format: string@"nu-complete mfavault mfa codes format" # The form
    --json                    # Print JSON with time steps and validity
    --keystore: string@"nu-complete mfavault mfa codes keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa codes color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name: string              # The device, or a profile
  ]

  def "nu-complete mfavault mfa qr keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa qr color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the QR code of a device again, or write it to a file
  export extern "mfavault mfa qr" [
    --all                     # All devices held here
    --google                  # Codes for the import of Google Authenticator, with up to ten devices each
    --output(-o): path        # A .png or .svg file
    --force                   # Replace the file; without a file, print to what is not a terminal
    --keystore: string@"nu-complete mfavault mfa qr keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa qr color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    ...name: string           # The devices, or profiles
  ]

  def "nu-complete mfavault mfa export format" [] {
    [ "otpauth" "google" ]
  }

  def "nu-complete mfavault mfa export keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa export color" [] {
    [ "auto" "always" "never" ]
  }

  # Print otpauth:// URIs, seeds and all
  export extern "mfavault mfa export" [
    --all                     # All devices held here
    --format: string@"nu-complete mfavault mfa export format" # The form
    --output(-o): path        # Write them to a file that only you can read
    --force                   # Replace the file
    --yes                     # Do not ask
    --keystore: string@"nu-complete mfavault mfa export keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa export color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    ...name: string           # The devices, or profiles
  ]

  def "nu-complete mfavault mfa policy keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa policy color" [] {
    [ "auto" "always" "never" ]
  }

  # Print the IAM policy that demands MFA of users, and lets them manage their own devices and keys
  export extern "mfavault mfa policy" [
    --partition: string       # The partition, such as `aws-us-gov`
    --keystore: string@"nu-complete mfavault mfa policy keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa policy color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile whose region says which partition [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault mfa remove keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault mfa remove color" [] {
    [ "auto" "always" "never" ]
  }

  # Forget a device and its seed here; AWS still demands its codes
  export extern "mfavault mfa remove" [
    --force                   # Do not ask
    --keystore: string@"nu-complete mfavault mfa remove keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault mfa remove color" # When to use colour
    --help(-h)                # Print help
    name: string              # The device
  ]

  def "nu-complete mfavault code keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault code color" [] {
    [ "auto" "always" "never" ]
  }

  # Print the current authentication code
  export extern "mfavault code" [
    --json                    # Print JSON: code, serial_number, valid_until or counter
    --copy                    # Put it into the clipboard instead, which is cleared after a while if it is unchanged
    --watch                   # Show the codes of all devices, or of one, live, until q, Esc or Ctrl-C; n shows the next ones, too
    --keystore: string@"nu-complete mfavault code keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault code color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name?: string             # The device or profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault backup keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault backup color" [] {
    [ "auto" "always" "never" ]
  }

  # Backups of the seeds: create, verify, restore, and a sheet to print
  export extern "mfavault backup" [
    --keystore: string@"nu-complete mfavault backup keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault backup color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault backup create keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault backup create color" [] {
    [ "auto" "always" "never" ]
  }

  # Write all seeds to one encrypted file, in the format of the `age` tool
  export extern "mfavault backup create" [
    --recipient(-r): string   # Encrypt to this age or SSH public key instead of a passphrase; repeatable
    --passphrase-file: path   # Read the backup's passphrase from the first line of this file
    --split: string           # Write N shares instead, FILE.1-of-N.txt and so on: any K of them restore it without a passphrase, fewer tell nothing
    --with-keys               # Put the long-term credentials in as well
    --identity(-i): path      # An age or SSH private key to read the file back with
    --force                   # Replace the file
    --keystore: string@"nu-complete mfavault backup create keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault backup create color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    file: path                # The file to write
  ]

  def "nu-complete mfavault backup verify keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault backup verify color" [] {
    [ "auto" "always" "never" ]
  }

  # Say for each device whether a backup makes the same codes as the vault
  export extern "mfavault backup verify" [
    --passphrase-file: path   # Read the backup's passphrase from the first line of this file
    --identity(-i): path      # An age or SSH private key that opens the file; repeatable
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault backup verify keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault backup verify color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    ...file: path             # The backup, or as many shares of one as it takes
  ]

  def "nu-complete mfavault backup restore keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault backup restore color" [] {
    [ "auto" "always" "never" ]
  }

  # Bring the devices of a backup into the vault
  export extern "mfavault backup restore" [
    --passphrase-file: path   # Read the backup's passphrase from the first line of this file
    --identity(-i): path      # An age or SSH private key that opens the file; repeatable
    --overwrite               # Replace devices and keys that differ
    --yes                     # Do not ask
    --keystore: string@"nu-complete mfavault backup restore keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault backup restore color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    ...file: path             # The backup, or as many shares of one as it takes
  ]

  def "nu-complete mfavault backup sheet keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault backup sheet color" [] {
    [ "auto" "always" "never" ]
  }

  # Write a page to print: the QR code and the seed of each device
  export extern "mfavault backup sheet" [
    --yes                     # Do not ask
    --force                   # Replace the file
    --keystore: string@"nu-complete mfavault backup sheet keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault backup sheet color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    file: path                # The file to write, in HTML
    ...name: string           # The devices; all if none is named
  ]

  def "nu-complete mfavault clear-clipboard keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault clear-clipboard color" [] {
    [ "auto" "always" "never" ]
  }

  # Clear the clipboard after a time, if it still holds what standard input says: left behind by `code --copy`
  export extern "mfavault clear-clipboard" [
    --after: string           # In seconds
    --keystore: string@"nu-complete mfavault clear-clipboard keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault clear-clipboard color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault unlock keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault unlock color" [] {
    [ "auto" "always" "never" ]
  }

  # Remember the unlocked key of the file keystore in the kernel for a time
  export extern "mfavault unlock" [
    --for: string             # For how long [default: the setting `unlock_for`, else 8h]
    --keystore: string@"nu-complete mfavault unlock keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault unlock color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault lock keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault lock color" [] {
    [ "auto" "always" "never" ]
  }

  # Forget the unlocked key of the file keystore
  export extern "mfavault lock" [
    --keystore: string@"nu-complete mfavault lock keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault lock color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault keystore keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault keystore color" [] {
    [ "auto" "always" "never" ]
  }

  # Where secrets rest: which keystore, moving all of them to another, the file's passphrase
  export extern "mfavault keystore" [
    --keystore: string@"nu-complete mfavault keystore keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault keystore color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault keystore list keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault keystore list color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the keystores, which of them work here, and which is used and why
  export extern "mfavault keystore list" [
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault keystore list keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault keystore list color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault keystore move to" [] {
    [ "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault keystore move keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault keystore move color" [] {
    [ "auto" "always" "never" ]
  }

  # Move all records to another keystore
  export extern "mfavault keystore move" [
    --to: string@"nu-complete mfavault keystore move to" # The keystore that they go to
    --seeds                   # Move the seeds only, keys and sessions stay; or bring them back to where the keys are
    --yes                     # Do not ask
    --keystore: string@"nu-complete mfavault keystore move keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault keystore move color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault keystore passphrase keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault keystore passphrase color" [] {
    [ "auto" "always" "never" ]
  }

  # Change the passphrase of the file keystore
  export extern "mfavault keystore passphrase" [
    --new-passphrase-file: path # Read the new passphrase from the first line of a file
    --to-os                   # Change nothing but where it comes from: keep the passphrase in the system's keystore (`passphrase_from = "os"`)
    --forget-from-os          # Take the passphrase out of the system's keystore again
    --keystore: string@"nu-complete mfavault keystore passphrase keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault keystore passphrase color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault report fail_on" [] {
    [ "no-mfa" "old-keys" "unused-keys" "root-keys" ]
  }

  def "nu-complete mfavault report keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault report color" [] {
    [ "auto" "always" "never" ]
  }

  # Show who in the account has MFA, whose keys are old, and how root stands
  export extern "mfavault report" [
    --json                    # Print JSON
    --csv                     # Print the CSV as AWS wrote it
    --fail-on: string@"nu-complete mfavault report fail_on" # Exit with 1 if there is such a finding; may be given several times
    --older-than: string      # From which age on a key is old
    --mfa-code: string        # A code of a device that is not held here
    --keystore: string@"nu-complete mfavault report keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault report color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    profile?: string@"nu-complete mfavault profile names"          # The profile [default: $AWS_PROFILE, else `default`]
  ]

  def "nu-complete mfavault doctor keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault doctor color" [] {
    [ "auto" "always" "never" ]
  }

  # Look for what is wrong, and say how to mend it
  export extern "mfavault doctor" [
    --fix                     # Mend what can be mended without a loss: modes, files that killed runs left, what the index names in vain
    --restore-keystore        # Go back to the generation before, where the file of the file keystore is damaged; that one is set aside
    --offline                 # Ask AWS nothing
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault doctor keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault doctor color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault audit keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault audit color" [] {
    [ "auto" "always" "never" ]
  }

  # What was done here, by a log that shows when it was changed: show, verify
  export extern "mfavault audit" [
    --keystore: string@"nu-complete mfavault audit keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault audit color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault audit show keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault audit show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show what was done: codes, sessions, devices, keys, exports
  export extern "mfavault audit show" [
    --last: string            # Only so many, the newest
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault audit show keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault audit show color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault audit verify keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault audit verify color" [] {
    [ "auto" "always" "never" ]
  }

  # Check that no line of the log was changed, taken out, moved or cut off
  export extern "mfavault audit verify" [
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault audit verify keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault audit verify color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault audit rotate keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault audit rotate color" [] {
    [ "auto" "always" "never" ]
  }

  # Close the log under its date, and begin a new one
  export extern "mfavault audit rotate" [
    --yes(-y)                 # Do not ask
    --keystore: string@"nu-complete mfavault audit rotate keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault audit rotate color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault settings keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault settings color" [] {
    [ "auto" "always" "never" ]
  }

  # The settings in config.toml, and who said what
  export extern "mfavault settings" [
    --keystore: string@"nu-complete mfavault settings keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault settings color" # When to use colour
    --help(-h)                # Print help
  ]

  def "nu-complete mfavault settings show keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault settings show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show each setting, its value, and who said so
  export extern "mfavault settings show" [
    --json                    # Print JSON
    --keystore: string@"nu-complete mfavault settings show keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault settings show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault rehearse keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault rehearse color" [] {
    [ "auto" "always" "never" ]
  }

  # Try everything against a strict stand-in of AWS on this machine
  export extern "mfavault rehearse" [
    --tour                    # Tell the story: add, enable, exec, credential_process, backup, restore
    --list-users              # List the account's users with the credentials in the environment: what needs MFA there
    --keystore: string@"nu-complete mfavault rehearse keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault rehearse color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mfavault init shell" [] {
    [ "bash" "zsh" "fish" "powershell" "nu" ]
  }

  def "nu-complete mfavault init keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault init color" [] {
    [ "auto" "always" "never" ]
  }

  # Print what gives this shell the function `mfav`, which sets credentials in the shell itself
  export extern "mfavault init" [
    --keystore: string@"nu-complete mfavault init keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault init color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    shell: string@"nu-complete mfavault init shell" # Which shell
  ]

  def "nu-complete mfavault completions shell" [] {
    [ "bash" "zsh" "fish" "powershell" "elvish" "nushell" ]
  }

  def "nu-complete mfavault completions keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault completions color" [] {
    [ "auto" "always" "never" ]
  }

  # Print the script that completes mfavault's words in a shell
  export extern "mfavault completions" [
    --keystore: string@"nu-complete mfavault completions keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault completions color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    shell: string@"nu-complete mfavault completions shell" # Which shell
  ]

  def "nu-complete mfavault man keystore" [] {
    [ "auto" "os" "file" "pass" "helper" ]
  }

  def "nu-complete mfavault man color" [] {
    [ "auto" "always" "never" ]
  }

  # Print the manual: a page a command
  export extern "mfavault man" [
    --keystore: string@"nu-complete mfavault man keystore" # Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    --no-input                # Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    --verbose(-v)             # Say more; twice, say all
    --color: string@"nu-complete mfavault man color" # When to use colour
    --help(-h)                # Print help
    ...command: string        # Only the page of this command; all of them if not given
  ]

}

export use completions *
