'use strict';

// Ajenti serves this file as it is; nothing has to be built.
angular.module('memsec.memcached', ['core']);

angular.module('core').config(function ($routeProvider) {
    $routeProvider.when('/view/memcached', {
        templateUrl: '/memcached:resources/partial/index.html',
        controller: function (pageTitle) { pageTitle.set('Memcached'); }
    });
});
