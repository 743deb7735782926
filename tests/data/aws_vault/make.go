// Makes the encrypted files of a folder as aws-vault has it, with the library that aws-vault seals them with
// (github.com/dvsekhvalnov/jose2go) and Go's own JSON. The item and the credentials have the fields of
// github.com/99designs/keyring, of credentials.Value (AWS SDK 1) and of aws.Credentials (AWS SDK 2).
//
//	apt-get install golang-go golang-github-dvsekhvalnov-jose2go-dev
//	GO111MODULE=off GOPATH=/usr/share/gocode go run make.go keys
//
// All keys are AWS's examples or made up.
package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	jose "github.com/dvsekhvalnov/jose2go"
)

const passphrase = "correct horse battery staple"

type item struct {
	Key                         string
	Data                        []byte
	Label                       string
	Description                 string
	KeychainNotTrustApplication bool
	KeychainNotSynchronizable   bool
}

type valueOfSdk1 struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	ProviderName    string
}

type credentialsOfSdk2 struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Source          string
	CanExpire       bool
	Expires         time.Time
	AccountID       string
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func write(folder, key, passphrase string, value interface{}) {
	data, err := json.Marshal(value)
	must(err)
	bytes, err := json.Marshal(item{Key: key, Data: data, Label: "aws-vault (" + key + ")", KeychainNotTrustApplication: true})
	must(err)
	token, err := jose.Encrypt(string(bytes), jose.PBES2_HS256_A128KW, jose.A256GCM, passphrase,
		jose.Headers(map[string]interface{}{"created": time.Now().String()}))
	must(err)
	name := strings.ReplaceAll(strings.ReplaceAll(key, "%", "%25"), "/", "%2F")
	must(os.WriteFile(filepath.Join(folder, name), []byte(token), 0600))
}

func main() {
	folder := os.Args[1]
	must(os.MkdirAll(folder, 0700))
	write(folder, "prod", passphrase, valueOfSdk1{
		AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})
	write(folder, "team/dev", passphrase, credentialsOfSdk2{
		AccessKeyID: "AKIAI44QH8DHBEXAMPLE", SecretAccessKey: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"})
	write(folder, "temporary", passphrase, credentialsOfSdk2{
		AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", SessionToken: "IQoJb3JpZ2lu"})
	write(folder, "other", "another passphrase", valueOfSdk1{
		AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})
	write(folder, "sts.GetSessionToken,cHJvZA,,1700000000", passphrase, valueOfSdk1{})
}
